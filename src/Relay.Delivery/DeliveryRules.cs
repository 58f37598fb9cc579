namespace Relay.Delivery;

/// <summary>
/// The ids of what delivery finds out by itself, as they stand in events beside those of the rules for what remotes say: one
/// vocabulary, written down in the rules file of <see cref="Mail.Classification"/>. Never renamed: people filter by them.
/// </summary>
internal static class DeliveryRules
{
    // The remote's reply decided, by its place and not by its words.
    public const string TooManyRecipients = "smtp.too-many-recipients";
    public const string Unexpected = "smtp.unexpected-reply";

    // The connection decided.
    public const string ConnectionLost = "connection.lost";
    public const string Uncertain = "connection.lost-after-dot";
    public const string Unheard = "node.lost-after-dot";
    public const string TurnOver = "node.turn-over";
    public const string Unreachable = "connection.unreachable";
    public const string NoSocket = "node.no-socket";
    public const string NoNetwork = "node.no-network";
    public const string NoResolver = "node.no-resolver";
    public const string LeftAlone = "site.left-alone";
    public const string DomainLeftAlone = "domain.left-alone";
    public const string NoSecureConnection = "connection.no-tls";
    public const string Unproved = "connection.unproved";

    // Routing decided.
    public const string NullMx = "route.null-mx";
    public const string NoSuchDomain = "route.no-such-domain";
    public const string NoAddress = "route.no-address";
    public const string DnsFailure = "route.dns-failure";
    public const string InternalAddress = "route.internal-address";
    public const string OwnAddress = "route.own-address";
    public const string StsMismatch = "route.mta-sts";
    public const string DaneUnknown = "route.dane-unknown";

    // The content decided.
    public const string NeedsEightBit = "content.needs-8bitmime";
    public const string NeedsUtf8 = "content.needs-smtputf8";
    public const string NeedsRequireTls = "content.needs-requiretls";
    public const string TooLarge = "content.too-large";
    public const string Malformed = "content.malformed";
    public const string ContentAway = "content.unavailable";

    // The account decided.
    public const string Suppressed = "account.suppressed";

    // Time decided.
    public const string Expired = "retry.expired";

    public const string InboxAway = "inbox.unavailable";
    public const string WebhookRefused = "webhook.refused";
    public const string WebhookUnanswered = "webhook.lost-after-post";
    public const string NoWebhook = "webhook.removed";
    public const string Internal = "internal.error";
}
