using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Smtp;

/// <summary>The SMTP submission door: <c>Relay:Submission</c>.</summary>
public sealed class SubmissionOptions : DoorOptions
{
    public const string Section = "Submission";

    /// <summary>Empty means <see cref="DefaultListeners"/>: a list bound from a file goes behind one that is there already.</summary>
    [ValidateEnumeratedItems]
    public IList<SubmissionListener> Listeners { get; set; } = [];

    // EHLO, STARTTLS, EHLO, a login and some probing.
    [Range(1, 10_000)]
    public int MaxCommandsBeforeLogin { get; set; } = 25;

    /// <summary>Different wrong keys in one session; the same key tried with the next mechanism counts once.</summary>
    // Keys are pasted, not typed: who has three wrong ones does not have the right one.
    [Range(1, 100)]
    public int MaxFailedLogins { get; set; } = 3;

    /// <summary>How long the answer to a failed login waits.</summary>
    // Nobody with a typing error minds; who guesses gets little done.
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan FailedLoginDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A mail that comes again within this time, with the same key, Message-ID, recipients and body, is answered as the first was and sent
    /// once: its client did not hear the 250. Zero sends each.
    /// </summary>
    // Only where it is wanted: programs that give each of their mails the same Message-ID would lose some. 15 minutes are longer than
    // most wait until they send again what was not answered.
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan RepeatsWithin { get; set; }

    public override IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var wrong in base.Validate(validationContext))
        {
            yield return wrong;
        }

        // The store counts in milliseconds, and refuses to keep anything for none; nobody sends again within a second.
        if (RepeatsWithin > TimeSpan.Zero && RepeatsWithin < TimeSpan.FromSeconds(1))
        {
            yield return new ValidationResult($"'{RepeatsWithin}' is less than a second; zero sends each mail.", [nameof(RepeatsWithin)]);
        }
    }

    /// <summary>587 and 465 as RFC 8314 has them; 2525 where providers block those; 2526 for software on this machine without TLS.</summary>
    internal static IList<SubmissionListener> DefaultListeners =>
    [
        new() { Port = 587, Tls = ListenerTls.StartTls },
        new() { Port = 465, Tls = ListenerTls.Implicit },
        new() { Port = 2525, Tls = ListenerTls.StartTls },
        new() { Port = 2526, Tls = ListenerTls.None },
    ];
}

/// <summary>One port of the door.</summary>
public sealed class SubmissionListener : IValidatableObject
{
    /// <summary>0 lets the system choose.</summary>
    [Range(0, 65_535)]
    public int Port { get; set; }

    // The safe one of the two that clients find by themselves.
    [EnumDataType(typeof(ListenerTls))]
    public ListenerTls Tls { get; set; } = ListenerTls.StartTls;

    /// <summary>Null is the door's address; with <see cref="ListenerTls.None"/> it is loopback.</summary>
    public string? Address { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Address is not null && !IPAddress.TryParse(Address, out _))
        {
            yield return new ValidationResult($"'{Address}' is not an IP address.", [nameof(Address)]);
        }
    }
}

public enum ListenerTls
{
    /// <summary>Clear text until STARTTLS; no login before it.</summary>
    StartTls,

    /// <summary>TLS from the first octet (RFC 8314, 3.3).</summary>
    Implicit,

    /// <summary>Clear text, logins included: for software on the same machine, or behind something that does TLS.</summary>
    None,
}

[OptionsValidator]
internal sealed partial class SubmissionOptionsValidator : IValidateOptions<SubmissionOptions>;
