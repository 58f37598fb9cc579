using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;
using Relay.Smtp.Addresses;

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

    /// <summary>The names of the relays that take what comes back, for the MX of return paths; none is this relay's own. The same on every node.</summary>
    // One relay is the rule; several on one store must agree, or they find each other's records wrong.
    public string[] ReturnPathHosts { get; set; } = [];

    /// <summary>
    /// The names and addresses that mail leaves from, of all relays on one store, for SPF records; none is this relay's own name
    /// and the addresses that Relay:Delivery names. The same on every node.
    /// </summary>
    // As above; and behind a router only people know the address that the world sees.
    public string[] SendingHosts { get; set; } = [];

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

    public ValidateOptionsResult Validate(string? name, DomainOptions options)
    {
        string[] failures =
        [
            .. options.Secrets.All(secret => secret.Length >= ShortestSecret)
                ? Array.Empty<string>()
                : [$"{nameof(DomainOptions.Secrets)}: each must have at least {ShortestSecret} characters, as 'openssl rand -base64 32' gives"],
            .. options.ReturnPathHosts.Where(host => !IsName(host)).Select(host => $"{nameof(DomainOptions.ReturnPathHosts)}: '{host}' is not a host name"),
            .. options.SendingHosts.Where(host => !IsName(host) && !IPAddress.TryParse(host, out _))
                .Select(host => $"{nameof(DomainOptions.SendingHosts)}: '{host}' is neither a host name nor an address"),
        ];
        return failures is [] ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static bool IsName(string host) =>
        !IPAddress.TryParse(host, out _) && EnvelopeAddress.TryNormaliseDomain(host, out var name) && name[0] != '[' && name.Contains('.', StringComparison.Ordinal);
}
