namespace Relay.Mail.Classification;

/// <summary>How far a dialogue had come when the remote said no. The same words mean one thing to RCPT and another to the content.</summary>
public enum SmtpPhase
{
    /// <summary>A report does not tell.</summary>
    Unknown,

    /// <summary>There was no dialogue: the host that keeps the mailbox, or the one that gave up, speaks for itself.</summary>
    Local,

    /// <summary>The greeting, EHLO, STARTTLS, AUTH: nothing was said about a message yet.</summary>
    Connection,

    /// <summary>MAIL.</summary>
    Sender,

    /// <summary>RCPT.</summary>
    Recipient,

    /// <summary>DATA, BDAT, and the final dot.</summary>
    Content,
}
