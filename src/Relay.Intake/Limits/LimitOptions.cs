using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Relay.Mail.Accounts;

namespace Relay.Intake.Limits;

/// <summary>What accounts may send that have no limits of their own: <c>Relay:Limits</c>.</summary>
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

    internal SendingLimits ForAll => new() { PerDay = PerDay, PerMonth = PerMonth };
}

[OptionsValidator]
internal sealed partial class LimitOptionsValidator : IValidateOptions<LimitOptions>;
