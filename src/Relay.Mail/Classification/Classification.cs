namespace Relay.Mail.Classification;

/// <summary>What a refusal comes to.</summary>
/// <param name="Rule">The id of the rule that decided, as it stands in events. Never renamed: people filter by them.</param>
/// <param name="Class">What went wrong in a word or two: <c>unknown-user</c>, <c>mailbox-full</c>. The rules file lists them all.</param>
public sealed record Classification(string Rule, string Class, Fault Fault, Severity Severity, Consequence Consequence);

/// <summary>Who would have to change something for the next mail to arrive.</summary>
public enum Fault
{
    /// <summary>The words say too little.</summary>
    Undetermined,

    /// <summary>The address is wrong: nobody is there.</summary>
    Recipient,

    /// <summary>The address is right; its mailbox is full, closed or broken.</summary>
    Mailbox,

    /// <summary>Who the mail says it is from, and how that is proven.</summary>
    Sender,

    Content,

    /// <summary>What is thought of our address.</summary>
    Reputation,

    /// <summary>Too much at a time.</summary>
    Rate,

    /// <summary>A rule of the receiver that is none of the above.</summary>
    Policy,

    /// <summary>The receiving hosts, or the way to them.</summary>
    Network,

    Protocol,

    /// <summary>We: the relay, its store, its configuration, or whoever runs it.</summary>
    Ourselves,
}

public enum Severity
{
    /// <summary>The address exists, or may exist.</summary>
    Soft,

    /// <summary>The address does not exist, or not any more: no mail to it will ever arrive.</summary>
    Hard,
}

/// <summary>What follows. <see cref="Suppress"/> only ever for what the address or its mailbox is to blame for.</summary>
[Flags]
public enum Consequence
{
    None = 0,

    /// <summary>The failure is final for this recipient.</summary>
    Bounce = 1,

    /// <summary>Final, and no further mail goes to the address.</summary>
    Suppress = 2 | Bounce,

    Retry = 4,

    /// <summary>Tried again, from another of our addresses where there is one.</summary>
    RetryElsewhere = 8 | Retry,

    /// <summary>The site as a whole is sent less.</summary>
    SlowSite = 16,

    /// <summary>A person should look: it will not mend itself.</summary>
    Alert = 32,

    /// <summary>The recipient's domain is left alone for a while, and nobody else at its hosts.</summary>
    RestDomain = 64,
}
