using System.Net;
using Relay.Delivery.Connections;
using Relay.Mail.Classification;
using Relay.Smtp.Replies;

namespace Relay.Delivery.Sending;

/// <summary>What an attempt came to for one recipient.</summary>
/// <param name="Reply">The remote's words on one line; where no remote spoke, ours.</param>
/// <param name="Rule">The rule that decided; a delivery needs none.</param>
internal abstract record Outcome(string Reply, string? Rule)
{
    /// <summary>What the rule wants beside the end or the next attempt of this recipient.</summary>
    public Consequence Follows { get; init; }

    /// <summary>The remote said so, not we.</summary>
    public bool IsRemotes { get; init; }

    /// <summary>
    /// What those are told of a remote's refusal whose mail it was not, its codes and the rule: its words may name an address, a
    /// domain or a subject, and these are nobody else's business.
    /// </summary>
    public string ForOthers => $"{Reply.AsSpan(0, LengthOfCodes(Reply))} ({Rule})";

    // 450, or 450 4.7.1.
    private static int LengthOfCodes(string reply) =>
        reply.Length > 4 && EnhancedStatusCode.TryParse(reply.AsSpan(4), out _, out var length) ? 4 + length : Math.Min(3, reply.Length);

    /// <summary>The remote took responsibility.</summary>
    public sealed record Delivered(string Reply) : Outcome(Reply, null);

    /// <summary>Temporary until proven permanent: tried again.</summary>
    public sealed record Deferred(string Reply, string Rule) : Outcome(Reply, Rule)
    {
        /// <summary>No attempt is wanted before this has passed; null where nobody said so.</summary>
        public TimeSpan? Wait { get; init; }

        /// <summary>The transaction had too many recipients with this one; another may have it (RFC 5321, 4.5.3.1.10).</summary>
        public bool IsOneTooMany { get; init; }
    }

    /// <summary>No later attempt can end differently.</summary>
    /// <param name="Status">The enhanced code of the failure, class 5.</param>
    public sealed record Bounced(string Reply, string Status, string Rule) : Outcome(Reply, Rule);

    /// <summary>Not tried: the account sends nothing there.</summary>
    public sealed record Suppressed(string Reply) : Outcome(Reply, DeliveryRules.Suppressed);

    /// <summary>The final dot was sent and no answer seen: the remote may have the message, or not.</summary>
    public sealed record Uncertain(string Reply, string Rule = DeliveryRules.Uncertain) : Outcome(Reply, Rule);
}

/// <summary>With whom an attempt was made, as far as it came.</summary>
internal readonly record struct Contact(string? Host, string? Address, string? Tls = null)
{
    /// <summary>Our own address; null where it never came to a connection.</summary>
    public IPAddress? From { get; init; }

    /// <summary>What the connection had to prove, as events name it; null where nothing.</summary>
    public string? Policy { get; init; }

    /// <summary>What proved the host; null where nothing did.</summary>
    public string? Proof { get; init; }

    /// <summary>It was asked for reports, or could have been: it sends those that are wanted of it (RFC 3461).</summary>
    public bool TakesReportRequests { get; init; }

    public static Contact With(SmtpConnection connection) => new(connection.Host.Name, connection.Address, connection.Tls)
    {
        From = connection.From,
        TakesReportRequests = connection.Capabilities.Dsn,
        Policy = connection.Security.Terms?.Policy,
        Proof = connection.Security.Proof,
    };
}
