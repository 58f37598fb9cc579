using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Domains;

/// <summary>Sending domains and their keys: <c>Relay:Domains</c>.</summary>
public sealed class DomainOptions
{
    public const string Section = "Domains";

    /// <summary>
    /// Secrets under which private DKIM keys are encrypted in the store, the same on every node: the first seals, the
    /// others still open. Each at least 32 characters.
    /// </summary>
    // None: a secret kept beside the store it protects protects nothing, and only the operator has another place.
    public string[] Secrets { get; set; } = [];

    /// <summary>How often a verified domain's records are looked at again.</summary>
    // Daily, as the receivers' checklist asks: a record rarely vanishes, and the grace time is longer.
    [Range(typeof(TimeSpan), "00:10:00", "7.00:00:00")]
    public TimeSpan CheckInterval { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How long a domain may still be sent as after a required record has vanished.</summary>
    // Three days: a provider's mishap over a weekend does not stop a shop's mail, and a domain that was sold stops soon.
    [Range(typeof(TimeSpan), "00:00:00", "30.00:00:00")]
    public TimeSpan Grace { get; set; } = TimeSpan.FromDays(3);

    /// <summary>How long the record of a key that signs no more must stay published.</summary>
    // Longer than mail waits in any queue: ours gives up after four days, others after five.
    [Range(typeof(TimeSpan), "1.00:00:00", "90.00:00:00")]
    public TimeSpan RetiredKeysStay { get; set; } = TimeSpan.FromDays(7);

    /// <summary>The age at which a key is replaced by itself; zero is never.</summary>
    // Never: the new record must be published by a person first, and mail goes on with the old key until it is.
    [Range(typeof(TimeSpan), "00:00:00", "3650.00:00:00")]
    public TimeSpan RotateAfter { get; set; } = TimeSpan.Zero;

    /// <summary>The label of the return path below a sending domain: <c>bounce</c> gives <c>bounce.shop.example</c>.</summary>
    // A name of its own: the MX of the domain itself leads to its people's mailboxes.
    [Required, RegularExpression("[a-z0-9]([a-z0-9-]*[a-z0-9])?")]
    public string ReturnPathLabel { get; set; } = "bounce";

    /// <summary>The label of the host of tracked links below a sending domain.</summary>
    // What people see in a link; it should look like one.
    [Required, RegularExpression("[a-z0-9]([a-z0-9-]*[a-z0-9])?")]
    public string TrackingLabel { get; set; } = "links";
}

[OptionsValidator]
internal sealed partial class DomainOptionsValidator : IValidateOptions<DomainOptions>;

/// <summary>What attributes cannot say.</summary>
internal sealed class DomainOptionsRules : IValidateOptions<DomainOptions>
{
    private const int ShortestSecret = 32;

    public ValidateOptionsResult Validate(string? name, DomainOptions options) =>
        options.Secrets.All(secret => secret.Length >= ShortestSecret)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{nameof(DomainOptions.Secrets)}: each must have at least {ShortestSecret} characters, as 'openssl rand -base64 32' gives");
}
