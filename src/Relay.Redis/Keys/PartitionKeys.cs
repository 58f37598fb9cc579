using Relay.Mail.Messages;
using Relay.Mail.Queue;
using StackExchange.Redis;

namespace Relay.Redis.Keys;

/// <summary>The names of a partition's keys. They share a hash tag, so a cluster keeps them on one shard and any of them may take part in one step.</summary>
internal sealed class PartitionKeys(string tag)
{
    private readonly string _prefix = $"relay:{{{tag}}}:";

    /// <summary>Lanes by the due time of their earliest unit, or a time before it.</summary>
    public RedisKey Lanes { get; } = $"relay:{{{tag}}}:lanes";

    /// <summary>Events not yet projected.</summary>
    public RedisKey Outbox { get; } = $"relay:{{{tag}}}:outbox";

    /// <summary>The owner's node id, with a time to live.</summary>
    public RedisKey Lease { get; } = $"relay:{{{tag}}}:lease";

    /// <summary><c>epoch:seq</c> of the last settling step.</summary>
    public RedisKey Settled { get; } = $"relay:{{{tag}}}:settled";

    /// <summary><c>epoch:seq</c> of the last projecting step.</summary>
    public RedisKey Projected { get; } = $"relay:{{{tag}}}:projected";

    /// <summary>Units between final dot and settling, by <see cref="Mail.Queue.UnitId"/> and the owner's turn, where several nodes deliver.</summary>
    public RedisKey Dots { get; } = $"relay:{{{tag}}}:dots";

    /// <summary>Outcomes of attempts whose node was replaced before it could settle them.</summary>
    public RedisKey Late { get; } = $"relay:{{{tag}}}:late";

    /// <summary>What was asked of the owner and is not done yet.</summary>
    public RedisKey Asks { get; } = $"relay:{{{tag}}}:asks";

    /// <summary>Entries set aside because their record is missing or cannot be read.</summary>
    public RedisKey Unreadable { get; } = $"relay:{{{tag}}}:unreadable";

    /// <summary>Finished messages by the time they ended: whose activity goes next.</summary>
    public RedisKey Ended { get; } = $"relay:{{{tag}}}:ended";

    /// <summary>The webhooks (<c>account|id</c>) for which events wait here, or waited a moment ago.</summary>
    public RedisKey Hooks { get; } = $"relay:{{{tag}}}:hooks";

    /// <summary>Written only to learn why the store refuses writes.</summary>
    public RedisKey Probe { get; } = $"relay:{{{tag}}}:probe";

    /// <summary>Never there: a write to it changes nothing, but is refused when any would be.</summary>
    public RedisKey Nothing { get; } = $"relay:{{{tag}}}:nothing";

    /// <summary>A message, immutable.</summary>
    public RedisKey Message(MessageId id) => $"{_prefix}m:{id}";

    /// <summary>One chunk of a large content.</summary>
    public RedisKey Chunk(MessageId id, int chunk) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_prefix}m:{id}/{chunk}");

    /// <summary>The numbers of a message's units still open, where it has more than one.</summary>
    public RedisKey Open(MessageId id) => $"{_prefix}open:{id}";

    /// <summary>A unit from its first deferral.</summary>
    public RedisKey Unit(UnitId id) => $"{_prefix}u:{id}";

    /// <summary>Units waiting, by due time.</summary>
    public RedisKey Lane(Lane lane) => $"{_prefix}lane:{lane}";

    /// <summary>The first message that came with a client's key.</summary>
    public RedisKey Idempotency(string account, string key) => $"{_prefix}idem:{account}|{key}";

    /// <summary>What became of something asked.</summary>
    public RedisKey Answer(string ask) => $"{_prefix}answer:{ask}";

    /// <summary>An account's events of a month, counted by day and kind.</summary>
    public RedisKey Statistics(string account, DateOnly day) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_prefix}stats:{account}|{day:yyyy-MM}");

    /// <summary>Recipients of an account's accepted mail of a month, by day, and by day and credential.</summary>
    public RedisKey Used(string account, DateOnly day) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_prefix}used:{account}|{day:yyyy-MM}");

    /// <summary>Of each slot the last unit that a node drained while the store was full, and told of since.</summary>
    public RedisKey Drained(string node) => $"{_prefix}drains:{node}";

    /// <summary>The last step of a node whose acknowledgement it waits for.</summary>
    public RedisKey Acknowledged(string node) => $"{_prefix}ack:{node}";

    /// <summary>What happened to a message.</summary>
    public RedisKey Activity(MessageId id) => $"{_prefix}act:{id}";

    /// <summary>What the world has told of a message within the last hour.</summary>
    public RedisKey Told(MessageId id) => $"{_prefix}told:{id}";

    /// <summary>The dialogues of a message's attempts, the last ones.</summary>
    public RedisKey Transcripts(MessageId id) => $"{_prefix}said:{id}";

    /// <summary>An account's messages whose activity stands in this partition.</summary>
    public RedisKey AccountActivity(string account) => $"{_prefix}acts:{account}";

    /// <summary>Messages with events that wait for a webhook, by the time they are due: when they came, or when they are tried again.</summary>
    public RedisKey Hook(string webhook) => $"{_prefix}hook:{webhook}";

    /// <summary>From where on in a message's activity its events wait for a webhook.</summary>
    public RedisKey HookMark(string webhook, MessageId id) => $"{_prefix}hookat:{webhook}|{id}";

    /// <summary>How many events of this partition a webhook took, and did not.</summary>
    public RedisKey HookCounts(string webhook) => $"{_prefix}hookcounts:{webhook}";

    /// <summary>When a webhook last took an event of this partition and when it last did not, and its words.</summary>
    public RedisKey HookNews(string webhook) => $"{_prefix}hooknews:{webhook}";
}
