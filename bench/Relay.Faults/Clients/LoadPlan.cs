namespace Relay.Faults.Clients;

/// <summary>What the ledger clients send. Everything that is left open is decided by the seed.</summary>
internal sealed record LoadPlan
{
    /// <summary>Clients that send at the same time.</summary>
    public int Sessions { get; init; } = 8;

    /// <summary>How long each waits between two mails, on average.</summary>
    // Slow enough that the harness and six neighbours leave the relay its processor, fast enough that a kill hits mail in each stage.
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>The part that comes by HTTP.</summary>
    public double HttpShare { get; init; } = 0.3;

    /// <summary>The part that carries an Idempotency-Key and is repeated until it is answered.</summary>
    public double KeyShare { get; init; } = 0.2;

    /// <summary>The part that is too large for the record and is stored in chunks.</summary>
    public double LargeShare { get; init; } = 0.01;

    public int MaxRecipients { get; init; } = 4;

    public IReadOnlyList<string> Domains { get; init; } = ["one.test", "two.test", "three.test"];

    /// <summary>How long a client waits for one answer.</summary>
    // Longer than the relay may take to say no.
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>It comes from the world: at this door, by SMTP, without a login, for the first of the accounts.</summary>
    public int? InboundPort { get; init; }

    /// <summary>Ends by itself after so many submissions; 0 goes on until it is stopped.</summary>
    public int Messages { get; init; }
}
