using System.Collections.Frozen;

namespace Relay.Redis.Embedded.Commands;

/// <summary>Every command there is.</summary>
internal static class CommandTable
{
    private const int LongestName = 32;

    private static readonly FrozenDictionary<string, Command> All = new Command[]
    {
        // Strings
        Reads("get", 2, Strings.Get),
        Reads("mget", -2, Strings.GetMany),
        Reads("strlen", 2, Strings.Length),
        Reads("getrange", 4, Strings.GetRange),
        Reads("substr", 4, Strings.GetRange),
        Writes("set", -3, Strings.Set),
        Writes("mset", -3, Strings.SetMany),
        Writes("msetnx", -3, Strings.SetManyIfNone),
        Writes("setnx", 3, Strings.SetIfNone),
        Writes("setex", 4, Strings.SetWithSeconds),
        Writes("psetex", 4, Strings.SetWithMilliseconds),
        Writes("getset", 3, Strings.GetAndSet),
        Writes("getdel", 2, Strings.GetAndDelete),
        Writes("getex", -2, Strings.GetAndExpire),
        Writes("append", 3, Strings.Append),
        Writes("incr", 2, Strings.Increment),
        Writes("decr", 2, Strings.Decrement),
        Writes("incrby", 3, Strings.IncrementBy),
        Writes("decrby", 3, Strings.DecrementBy),

        // Hashes
        Reads("hget", 3, Hashes.Get),
        Reads("hmget", -3, Hashes.GetMany),
        Reads("hgetall", 2, Hashes.GetAll),
        Reads("hkeys", 2, Hashes.Fields),
        Reads("hvals", 2, Hashes.Values),
        Reads("hlen", 2, Hashes.Length),
        Reads("hexists", 3, Hashes.Exists),
        Reads("hstrlen", 3, Hashes.ValueLength),
        Reads("hscan", -3, Hashes.Scan),
        Writes("hset", -4, Hashes.Set),
        Writes("hmset", -4, Hashes.SetMany),
        Writes("hsetnx", 4, Hashes.SetIfNone),
        Writes("hdel", -3, Hashes.Delete),
        Writes("hincrby", 4, Hashes.IncrementBy),

        // Sets
        Reads("smembers", 2, Sets.Members),
        Reads("scard", 2, Sets.Count),
        Reads("sismember", 3, Sets.IsMember),
        Reads("smismember", -3, Sets.AreMembers),
        Reads("sscan", -3, Sets.Scan),
        Writes("sadd", -3, Sets.Add),
        Writes("srem", -3, Sets.Remove),
        Writes("spop", -2, Sets.Pop),

        // Sorted sets
        Reads("zcard", 2, SortedSets.Count),
        Reads("zscore", 3, SortedSets.GetScore),
        Reads("zmscore", -3, SortedSets.GetScores),
        Reads("zrank", 3, SortedSetRanges.Rank),
        Reads("zrevrank", 3, SortedSetRanges.ReverseRank),
        Reads("zcount", 4, SortedSetRanges.CountByScore),
        Reads("zlexcount", 4, SortedSetRanges.CountByName),
        Reads("zrange", -4, SortedSetRanges.Range),
        Reads("zrevrange", -4, SortedSetRanges.ReverseRange),
        Reads("zrangebyscore", -4, SortedSetRanges.ByScore),
        Reads("zrevrangebyscore", -4, SortedSetRanges.ReverseByScore),
        Reads("zrangebylex", -4, SortedSetRanges.ByName),
        Reads("zrevrangebylex", -4, SortedSetRanges.ReverseByName),
        Reads("zscan", -3, SortedSets.Scan),
        Writes("zadd", -4, SortedSets.Add),
        Writes("zincrby", 4, SortedSets.IncrementBy),
        Writes("zrem", -3, SortedSets.Remove),
        Writes("zpopmin", -2, SortedSetRanges.PopFirst),
        Writes("zpopmax", -2, SortedSetRanges.PopLast),
        Writes("zremrangebyscore", 4, SortedSetRanges.RemoveByScore),
        Writes("zremrangebyrank", 4, SortedSetRanges.RemoveByRank),
        Writes("zremrangebylex", 4, SortedSetRanges.RemoveByName),

        // Lists
        Reads("llen", 2, Lists.Length),
        Reads("lrange", 4, Lists.Range),
        Reads("lindex", 3, Lists.Index),
        Writes("rpush", -3, Lists.PushRight),
        Writes("lpush", -3, Lists.PushLeft),
        Writes("rpushx", -3, Lists.PushRightIfAny),
        Writes("lpushx", -3, Lists.PushLeftIfAny),
        Writes("rpop", -2, Lists.PopRight),
        Writes("lpop", -2, Lists.PopLeft),
        Writes("lset", 4, Lists.Set),
        Writes("ltrim", 4, Lists.Trim),
        Writes("lrem", 4, Lists.Remove),

        // Keys
        Reads("exists", -2, Keys.Exists),
        Reads("type", 2, Keys.TypeOf),
        Reads("ttl", 2, Keys.SecondsToLive),
        Reads("pttl", 2, Keys.MillisecondsToLive),
        Reads("expiretime", 2, Keys.ExpirySeconds),
        Reads("pexpiretime", 2, Keys.ExpiryMilliseconds),
        Reads("scan", -2, Keys.Scan),
        Reads("keys", 2, Keys.Matching),
        Reads("dbsize", 1, Keys.Size),
        Reads("touch", -2, Keys.Exists),
        Writes("del", -2, Keys.Delete),
        Writes("unlink", -2, Keys.Delete),
        Writes("expire", -3, Keys.Expire),
        Writes("pexpire", -3, Keys.ExpireInMilliseconds),
        Writes("expireat", -3, Keys.ExpireAt),
        Writes("pexpireat", -3, Keys.ExpireAtMilliseconds),
        Writes("persist", 2, Keys.Persist),
        Writes("flushdb", -1, Keys.DeleteAll),
        Writes("flushall", -1, Keys.DeleteAll),

        // Transactions
        Immediate("multi", 1, Transactions.Multi),
        Immediate("exec", 1, Transactions.Exec),
        Immediate("discard", 1, Transactions.Discard),
        Immediate("watch", -2, Transactions.Watch),
        Reads("unwatch", 1, Transactions.Unwatch),

        // Channels
        Reads("publish", 3, PubSub.Publish),
        Reads("pubsub", -2, PubSub.Introspect),
        Immediate("subscribe", -2, PubSub.Subscribe),
        Immediate("psubscribe", -2, PubSub.SubscribePatterns),
        Immediate("unsubscribe", -1, PubSub.Unsubscribe),
        Immediate("punsubscribe", -1, PubSub.UnsubscribePatterns),

        // The server
        Reads("ping", -1, Server.Ping),
        Reads("echo", 2, Server.Echo),
        Reads("time", 1, Server.Time),
        Reads("select", 2, Server.Select),
        Reads("auth", -2, Server.Auth),
        Reads("hello", -1, Server.Hello),
        Reads("client", -2, Server.Client),
        Reads("config", -2, Server.Config),
        Reads("info", -1, Server.Info),
        Reads("command", -1, Server.CommandList),
        Reads("cluster", -2, Server.Cluster),
        Reads("wait", 3, Server.Wait),
        Reads("waitaof", 4, Server.WaitForLog),
        Reads("role", 1, Server.Role),
        Writes("save", 1, Server.Save),
        Immediate("quit", -1, Server.Quit),
        Immediate("reset", 1, Server.Reset),
    }.ToFrozenDictionary(c => c.Name, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, Command>.AlternateLookup<ReadOnlySpan<char>> ByName = All.GetAlternateLookup<ReadOnlySpan<char>>();

    public static int Count => All.Count;

    public static Command? Find(ReadOnlySpan<byte> name)
    {
        if (name.Length > LongestName)
        {
            return null;
        }

        Span<char> lower = stackalloc char[LongestName];
        for (var i = 0; i < name.Length; i++)
        {
            var letter = (char)name[i];
            lower[i] = char.IsAsciiLetterUpper(letter) ? (char)(letter | 0x20) : letter;
        }

        return ByName.TryGetValue(lower[..name.Length], out var command) ? command : null;
    }

    private static Command Reads(string name, int arity, CommandHandler handler) => new(name, arity, handler, Writes: false, IsImmediate: false);

    private static Command Writes(string name, int arity, CommandHandler handler) => new(name, arity, handler, Writes: true, IsImmediate: false);

    private static Command Immediate(string name, int arity, CommandHandler handler) => new(name, arity, handler, Writes: false, IsImmediate: true);
}
