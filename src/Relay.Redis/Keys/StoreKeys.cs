using StackExchange.Redis;

namespace Relay.Redis.Keys;

/// <summary>The names of the keys outside partitions.</summary>
internal static class StoreKeys
{
    /// <summary>What was decided when the store was made, and how often it was opened.</summary>
    public static RedisKey Store { get; } = "relay:store";

    /// <summary>The owners' names of the nodes that run, and of some that ran lately.</summary>
    public static RedisKey Nodes { get; } = "relay:nodes";

    /// <summary>A node that runs, by its owner's name; vanishes when it is not heard of any more.</summary>
    public static RedisKey Node(string owner) => $"relay:node:{owner}";

    /// <summary>How the nodes share a receiver's connections.</summary>
    public static RedisKey Shares(string provider) => $"relay:shares:{provider}";

    /// <summary>How a node's sites stand; vanishes when it does not tell any more.</summary>
    public static RedisKey Sites(string owner) => $"relay:sites:{owner}";

    /// <summary>Where nodes tell each other of mail that has come, and that partitions are to be shared anew.</summary>
    public static RedisChannel Wake { get; } = RedisChannel.Literal("relay:wake");

    /// <summary>Suspensions by id, and under <c>version</c> how often they were changed.</summary>
    public static RedisKey Suspensions { get; } = "relay:suspensions";

    /// <summary>Documents outside partitions that cannot be read: copies, for whoever mends them.</summary>
    public static RedisKey Unreadable { get; } = "relay:unreadable";

    /// <summary>The channel on which nodes hear that something was asked, answered or suspended.</summary>
    public static RedisChannel Rings { get; } = RedisChannel.Literal("relay:rings");

    /// <summary>The channel on which nodes hear which addresses were suppressed.</summary>
    public static RedisChannel SuppressionNews { get; } = RedisChannel.Literal("relay:suppressions");

    /// <summary>Accounts by id.</summary>
    public static RedisKey Accounts { get; } = "relay:acct:accounts";

    /// <summary>Credentials by the hash of their key. They stand apart from their account, since a key is all a client shows.</summary>
    public static RedisKey Credentials { get; } = "relay:acct:credentials";

    /// <summary>An account's credentials, by id: the hash of the key.</summary>
    public static RedisKey AccountCredentials(string account) => $"relay:acct:{{{account}}}:credentials";

    /// <summary>When each of an account's credentials was last used, in Unix milliseconds by id.</summary>
    public static RedisKey CredentialUses(string account) => $"relay:acct:{{{account}}}:uses";

    /// <summary>How often each part of the accounts was changed, by its name.</summary>
    public static RedisKey AccountChanges { get; } = "relay:acct:changes";

    /// <summary>What a request with an Idempotency-Key was answered; vanishes when a repetition may run.</summary>
    public static RedisKey Answer(string account, string name) => $"relay:acct:{{{account}}}:answer:{name}";

    /// <summary>An account's single verified addresses, by address.</summary>
    public static RedisKey Senders(string account) => $"relay:acct:{{{account}}}:senders";

    /// <summary>An account's templates by id.</summary>
    public static RedisKey Templates(string account) => $"relay:acct:{{{account}}}:templates";

    /// <summary>An account's sending domains by name.</summary>
    public static RedisKey Domains(string account) => $"relay:acct:{{{account}}}:domains";

    /// <summary>The accounts that have webhooks, or had.</summary>
    public static RedisKey WebhookAccounts { get; } = "relay:acct:webhook-accounts";

    /// <summary>An account's webhooks by id.</summary>
    public static RedisKey Webhooks(string account) => $"relay:acct:{{{account}}}:webhooks";

    /// <summary>A part of an account's suppressed addresses.</summary>
    public static RedisKey Suppressed(string account, int part) => $"relay:acct:{{{account}:{part}}}:suppressed";

    /// <summary>Addresses of the same part that were suppressed and released.</summary>
    public static RedisKey Released(string account, int part) => $"relay:acct:{{{account}:{part}}}:released";

    /// <summary>The streams for which an account has suppressions, or had.</summary>
    public static RedisKey SuppressedStreams(string account) => $"relay:acct:{{{account}}}:suppressed-streams";

    /// <summary>The keys that tokens are signed with, by number.</summary>
    public static RedisKey Tokens { get; } = "relay:tokens";

    /// <summary>Mail that came to an address of ours and that nobody could make anything of, newest first.</summary>
    public static RedisKey Aside { get; } = "relay:aside";

    /// <summary>The same for mail that anybody may send: to postmaster and abuse.</summary>
    public static RedisKey AsideOfAnybody { get; } = "relay:aside-of-anybody";

    /// <summary>Where mail of the world goes, by the domain or address it is for.</summary>
    public static RedisKey Routes { get; } = "relay:routes";

    /// <summary>A domain's MTA-STS policy; vanishes when it no longer holds.</summary>
    public static RedisKey StsPolicy(string domain) => $"relay:sts:{domain}";

    /// <summary>The domains whose TLS report of a day is not sent yet.</summary>
    public static RedisKey TlsReports(DateOnly day) => $"relay:tlsrpt:{day:yyyy-MM-dd}";

    /// <summary>What the processes have counted for it, and where it was sent to.</summary>
    public static RedisKey TlsReport(DateOnly day, string domain) => $"relay:tlsrpt:{day:yyyy-MM-dd}:{domain}";

    /// <summary>Stands while a node sends it.</summary>
    public static RedisKey TlsReportTaken(DateOnly day, string domain) => $"relay:tlsrpt:{day:yyyy-MM-dd}:{domain}:taken";

    /// <summary>An account's captured messages by id: what lists show.</summary>
    public static RedisKey Inbox(string account) => $"relay:inbox:{{{account}}}:messages";

    /// <summary>An account's captured messages by the time they came.</summary>
    public static RedisKey InboxOrder(string account) => $"relay:inbox:{{{account}}}:order";

    /// <summary>How many octets each of them takes, by id.</summary>
    public static RedisKey InboxSizes(string account) => $"relay:inbox:{{{account}}}:sizes";

    /// <summary>How many octets all of them take together.</summary>
    public static RedisKey InboxOctets(string account) => $"relay:inbox:{{{account}}}:octets";

    /// <summary>The octets of a captured message.</summary>
    public static RedisKey InboxRaw(string account, string id) => $"relay:inbox:{{{account}}}:raw:{id}";
}
