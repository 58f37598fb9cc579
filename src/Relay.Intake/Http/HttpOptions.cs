using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Relay.Mail.Accounts;

namespace Relay.Intake.Http;

/// <summary>The HTTP door: <c>Relay:Http</c>.</summary>
public sealed class HttpOptions : IValidatableObject
{
    public const string Section = "Http";

    // Loopback: an API without TLS is not for a network unless someone says so.
    [Required]
    public string Address { get; set; } = "127.0.0.1";

    // The usual port beside 80; 0 lets the system choose.
    [Range(0, 65_535)]
    public int Port { get; set; } = 8080;

    /// <summary>Where people reach this door, as told to them in replies: <c>https://relay.example.com</c>.</summary>
    // Unknown behind a proxy; texts then name the path alone.
    [Url]
    public string? PublicUrl { get; set; }

    /// <summary>Proxies in front of this door, by address or network: what they say in X-Forwarded-For is where a request came from.</summary>
    // None: whoever is believed there can pretend to be anywhere, which keys for certain networks rest on.
    public IList<string> TrustedProxies { get; set; } = [];

    /// <summary>Octets of large request bodies, and of large mails that templates make of small ones, held in memory at a time, of which one account leaves a quarter to the others; requests beyond it are answered with 503.</summary>
    // Four of the largest messages at once, three of them of one account. Each costs about three times its body.
    [Range(1024 * 1024, long.MaxValue)]
    public long MaxBodyBytesInFlight { get; set; } = 256 * 1024 * 1024;

    /// <summary>How long a large body may take, counted from when it is one, and the answer to a preview, counted from its beginning.</summary>
    // The largest there may be needs less than a megabit a second for it; who is slower keeps the memory from others.
    [Range(typeof(TimeSpan), "00:00:10", "1.00:00:00")]
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the header of a request may take, from its first octet on.</summary>
    // A header is one packet or two; who drips it holds a connection that others need.
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan HeaderTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection may lie open without a request.</summary>
    // As long as the pools of usual clients keep theirs.
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>The average below which a body is cut off, once <see cref="SlowStart"/> is over.</summary>
    // The same as at the door for SMTP: GPRS manages four times as much.
    [Range(1, 1_000_000)]
    public int MinBytesPerSecond { get; set; } = 512;

    /// <summary>How long a body may be slower than that at first.</summary>
    // A lost packet is sent again within a few seconds. Kestrel looks once a second, so that less than two mean nothing.
    [Range(typeof(TimeSpan), "00:00:02", "00:10:00")]
    public TimeSpan SlowStart { get; set; } = TimeSpan.FromSeconds(10);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        TrustedProxies.Where(proxy => !AddressRange.TryParse(proxy, out _)).Select(proxy =>
            new ValidationResult($"'{proxy}' is neither an address nor a network like 192.0.2.0/24.", [nameof(TrustedProxies)]));
}

[OptionsValidator]
internal sealed partial class HttpOptionsValidator : IValidateOptions<HttpOptions>;
