using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Relay.Mail.Accounts;

namespace Relay.Intake.Limits;

/// <summary>What accounts may send that have no limits of their own, and how much of what is kept for them each may have: <c>Relay:Limits</c>.</summary>
public sealed class LimitOptions
{
    public const string Section = "Limits";

    /// <summary>Recipients a day.</summary>
    // None: who runs the relay for themselves sends what they send.
    [Range(1, long.MaxValue)]
    public long? PerDay { get; set; }

    /// <summary>Recipients a month.</summary>
    // None, likewise.
    [Range(1, long.MaxValue)]
    public long? PerMonth { get; set; }

    /// <summary>Sending domains of one account.</summary>
    // More than people look after. Each is looked up for good, and its keys take a tenth of a second to make.
    [Range(1, 100_000)]
    public int DomainsPerAccount { get; set; } = 200;

    /// <summary>Keys of one account that are good, and keys that it makes in a day: live and test keys each for themselves.</summary>
    // One for each program and person; a script that makes them without end is stopped before it costs anything.
    [Range(1, 100_000)]
    public int KeysPerAccount { get; set; } = 200;

    /// <summary>Previews of templates that one account may have in a minute, on each node. More are answered with 429.</summary>
    // Two a second: as fast as a person types, and a page that renders with each key pressed. The worst template takes a
    // twentieth of a second, so that an account has a tenth of a core at most.
    [Range(1, 100_000)]
    public int PreviewsPerMinute { get; set; } = 120;

    internal SendingLimits ForAll => new() { PerDay = PerDay, PerMonth = PerMonth };
}

[OptionsValidator]
internal sealed partial class LimitOptionsValidator : IValidateOptions<LimitOptions>;
