using System.Text.Json.Serialization;

namespace Relay.Mail.Accounts;

/// <summary>
/// What an account or a key may send; what is null is not limited. A rate paces: what comes faster is taken in and waits. A
/// quota refuses. A quota counts recipients, as those who are billed by mail are used to, and its days and months are UTC's.
/// </summary>
public sealed record SendingLimits
{
    /// <summary>Messages a second, below one too: 0.1 is six a minute.</summary>
    public double? PerSecond { get; init; }

    /// <summary>Recipients a day.</summary>
    public long? PerDay { get; init; }

    /// <summary>Recipients a month.</summary>
    public long? PerMonth { get; init; }

    [JsonIgnore]
    public bool HasQuota => PerDay is not null || PerMonth is not null;
}
