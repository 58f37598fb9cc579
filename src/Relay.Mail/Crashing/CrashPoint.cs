namespace Relay.Mail.Crashing;

/// <summary>The places on the walk of one message at which the process may be made to die, in the order in which it passes them.</summary>
public enum CrashPoint
{
    /// <summary>The content has come and its chunks are stored; nothing is accepted.</summary>
    BodyStored,

    /// <summary>The accept is about to be sent to the store.</summary>
    BeforeCommit,

    /// <summary>The store has said that the accept is done; nobody else knows.</summary>
    AfterCommit,

    /// <summary>The gate has admitted the message; the client has not been told.</summary>
    Before250,

    /// <summary>The client has its 250: it begins the next transaction of the session.</summary>
    After250,

    /// <summary>The unit was handed to delivery.</summary>
    Leased,

    /// <summary>A connection is open; MAIL has not been said.</summary>
    BeforeMail,

    /// <summary>The remote has answered the recipients.</summary>
    AfterRcpt,

    /// <summary>The remote has said 354; no octet of the content has been sent.</summary>
    AfterData,

    /// <summary>Everything but the last octets, with the final dot among them, was handed over.</summary>
    BeforeDot,

    /// <summary>The final dot was handed to the socket.</summary>
    AfterDot,

    /// <summary>The remote's answer to the dot was read; it is noted nowhere.</summary>
    AfterReply,

    /// <summary>The outcome stands in the local journal.</summary>
    JournalDone,

    /// <summary>The settling step is about to be sent to the store.</summary>
    BeforeAck,

    /// <summary>The store has said that the unit is settled.</summary>
    AfterAck,

    /// <summary>Events were read from the outbox; the step that turns them into activity is about to be sent.</summary>
    BeforeEvent,

    /// <summary>A webhook has answered; it is noted nowhere.</summary>
    WebhookSent,
}
