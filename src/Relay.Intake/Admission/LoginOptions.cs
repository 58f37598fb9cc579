using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Admission;

/// <summary>Failed logins at either door: <c>Relay:Logins</c>. A right key always gets in; only what wrong ones are answered is held down.</summary>
public sealed class LoginOptions
{
    public const string Section = "Logins";

    /// <summary>Wrong keys from one IPv4 address, or one IPv6 network of 64 bits, within <see cref="Window"/>.</summary>
    // A server with an old key tries it some times before somebody looks; who guesses needs billions.
    [Range(1, 100_000)]
    public int FailuresPerAddress { get; set; } = 30;

    /// <summary>Failures with one key that was good once, or under its id as user name, from wherever, within <see cref="Window"/>.</summary>
    // As many as from one address: a key that has leaked and was revoked is tried from many.
    [Range(1, 100_000)]
    public int FailuresPerKey { get; set; } = 30;

    /// <summary>Wrong keys in all, within <see cref="Window"/>.</summary>
    // Many more than people cause; only an attack from many addresses does.
    [Range(1, 10_000_000)]
    public int FailuresInAll { get; set; } = 3_000;

    /// <summary>How long it takes until all of that is forgiven again, little by little.</summary>
    // As long as a person who mends a setting takes to try it again.
    [Range(typeof(TimeSpan), "00:00:10", "1.00:00:00")]
    public TimeSpan Window { get; set; } = TimeSpan.FromMinutes(10);
}

[OptionsValidator]
internal sealed partial class LoginOptionsValidator : IValidateOptions<LoginOptions>;
