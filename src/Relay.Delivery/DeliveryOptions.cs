using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Delivery.Sending;
using Relay.Delivery.Sources;
using Relay.Delivery.TlsPolicies;
using Relay.Delivery.Transcripts;

namespace Relay.Delivery;

/// <summary>How mail leaves: the section <c>Relay:Delivery</c>.</summary>
public sealed class DeliveryOptions
{
    public const string Section = "Delivery";

    /// <summary>The port of mail exchangers. Routes name their own.</summary>
    // RFC 5321, 4.5.4.2. Another one only makes sense in a laboratory.
    [Range(1, 65_535)]
    public int Port { get; set; } = 25;

    /// <summary>Local addresses to send from; a site keeps to one of each family. Empty lets the system choose.</summary>
    public string[] SourceAddresses { get; set; } = [];

    /// <summary>Local addresses for the mail of some accounts or of a class.</summary>
    [ValidateEnumeratedItems]
    public List<PoolOptions> Pools { get; set; } = [];

    [Required, ValidateObjectMembers]
    public DnsOptions Dns { get; set; } = new();

    [Required, ValidateObjectMembers]
    public TlsOptions Tls { get; set; } = new();

    /// <summary>Destinations that do not go by MX.</summary>
    [ValidateEnumeratedItems]
    public List<RouteOptions> Routes { get; set; } = [];

    /// <summary>Whether an MX answer may lead to a loopback, private or otherwise internal address. Routes always may.</summary>
    // Off: whoever may name a recipient domain could else make us talk to any internal host.
    public bool AllowPrivateDestinations { get; set; }

    [Required, ValidateObjectMembers]
    public RetryOptions Retry { get; set; } = new();

    /// <summary>Connections to one site at the same time, at the most: how many of them are used finds itself. Large receivers have rules of their own.</summary>
    // More than receivers commonly allow a stranger gains nothing; with pipelining ten move thousands of messages a second.
    [Range(1, 1_000)]
    public int ConnectionsPerSite { get; set; } = 10;

    /// <summary>A file of rules for large receivers, read before the ones that come with Relay and again whenever it changes; null for none.</summary>
    public string? ProviderRules { get; set; }

    /// <summary>Messages that each account may send in a time, such as <c>6000/1m</c>; what is more waits in the queue. Null for as many as go.</summary>
    // Who runs a relay for himself needs none.
    public string? AccountRate { get; set; }

    /// <summary>Accounts with a rate of their own, by their id.</summary>
    public Dictionary<string, string> AccountRates { get; set; } = [];

    /// <summary>Messages sent over one connection before it is closed.</summary>
    // Low enough to spread a long run over all hosts of a site, high enough that new connections do not count: one costs four
    // round trips and a half, which is less than a hundredth of what so many messages take without CHUNKING.
    [Range(1, 100_000)]
    public int MessagesPerConnection { get; set; } = 500;

    /// <summary>Small messages sent in one flight to a host that takes content in chunks, before the first of them is answered.</summary>
    // So many may become uncertain, or be doubled by a kill, for each connection; more gains little even over a long line.
    [Range(1, 16)]
    public int MessagesInFlight { get; set; } = 4;

    /// <summary>How long a connection is kept warm without a message.</summary>
    // Receivers close idle connections after some minutes and dislike those that wait for it.
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan IdleConnection { get; set; } = TimeSpan.FromSeconds(30);

    [Required, ValidateObjectMembers]
    public TimeoutOptions Timeouts { get; set; } = new();

    [Required, ValidateObjectMembers]
    public TranscriptOptions Transcripts { get; set; } = new();

    [Required, ValidateObjectMembers]
    public WindowOptions Window { get; set; } = new();
}

[OptionsValidator]
internal sealed partial class DeliveryOptionsValidator : IValidateOptions<DeliveryOptions>;
