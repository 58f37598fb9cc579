using System.Net;
using CsCheck;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Embedded;

/// <summary>
/// Redis is the specification: random commands on two connections, transactions and watches among them, get the same
/// replies from the embedded store and from a real redis-server, and leave the same keys, a restart included.
/// </summary>
public sealed class SameAsRedisTests
{
    private const int Sequences = 400;

    private static readonly Gen<string> Key = Any("a", "b", "c", "d");
    private static readonly Gen<string> Member = Any("", "m", "n", "o", "mm", "m\0", "\xff");
    private static readonly Gen<string> Index = Any("0", "1", "2", "-1", "-2", "5", "-9", "x");
    private static readonly Gen<string> Count = Any("0", "1", "2", "7", "-1");
    private static readonly Gen<string> Score = Any("0", "1", "-1", "2.5", "-0.1", "1e30", "inf", "-inf", "1234567890123", "nan", "y");
    private static readonly Gen<string> Bound = Any("-inf", "+inf", "inf", "0", "1", "(1", "(0", "2.5", "(-1", "1e30", "z");
    private static readonly Gen<string> Name = Any("-", "+", "[m", "(m", "[", "[n", "(o", "q");
    private static readonly Gen<string> Number = Any("0", "1", "-1", "10", "9223372036854775807", "-9223372036854775808", "1.5", " 1", "01", "");
    private static readonly Gen<string> Text =
        Gen.OneOf(Member, Number, Gen.Const(new string('l', 1_024)), Gen.Const(new string('L', 1_025)), Gen.Const(new string('v', 5_000)));

    private static readonly string[] Unordered = ["SMEMBERS", "HGETALL", "HKEYS", "HVALS", "KEYS"];

    private static readonly Gen<string[]> Words = Gen.OneOf(
        Gen.OneOf(Commands("GET", Key), Commands("STRLEN", Key), Commands("SET", Key, Text), Commands("SET", Key, Text, SetOption), Commands("SETNX", Key, Text),
            Commands("MSET", Key, Text, Key, Text), Commands("MSETNX", Key, Text, Key, Text), Commands("MGET", Key, Key), Commands("APPEND", Key, Text),
            Commands("GETSET", Key, Text), Commands("GETDEL", Key), Commands("GETEX", Key), Commands("GETRANGE", Key, Index, Index), Commands("INCR", Key),
            Commands("DECR", Key), Commands("INCRBY", Key, Number), Commands("DECRBY", Key, Number)),
        Gen.OneOf(Commands("HSET", Key, Member, Text), Commands("HSET", Key, Member, Text, Member, Text), Commands("HSET", Key, Member, Text, Member), Commands("HMSET", Key, Member, Text),
            Commands("HSETNX", Key, Member, Text), Commands("HGET", Key, Member), Commands("HMGET", Key, Member, Member), Commands("HGETALL", Key), Commands("HKEYS", Key),
            Commands("HVALS", Key), Commands("HLEN", Key), Commands("HEXISTS", Key, Member), Commands("HSTRLEN", Key, Member), Commands("HDEL", Key, Member, Member),
            Commands("HINCRBY", Key, Member, Number)),
        Gen.OneOf(Commands("SADD", Key, Member, Member), Commands("SREM", Key, Member, Member), Commands("SMEMBERS", Key), Commands("SCARD", Key),
            Commands("SISMEMBER", Key, Member), Commands("SMISMEMBER", Key, Member, Member)),
        Gen.OneOf(Commands("ZADD", Key, Score, Member), Commands("ZADD", Key, Score, Member, Score, Member), Commands("ZADD", Key, AddOption, Score, Member),
            Commands("ZADD", Key, AddOption, AddOption, Score, Member), Commands("ZADD", Key, AddOption, Score, Member, Score, Member), Commands("ZADD", Key, Score, Member, Score),
            Commands("ZINCRBY", Key, Score, Member), Commands("ZREM", Key, Member, Member), Commands("ZCARD", Key), Commands("ZSCORE", Key, Member),
            Commands("ZMSCORE", Key, Member, Member), Commands("ZRANK", Key, Member), Commands("ZREVRANK", Key, Member)),
        Gen.OneOf(Commands("ZCOUNT", Key, Bound, Bound), Commands("ZRANGE", Key, Index, Index), Commands("ZRANGE", Key, Index, Index, Gen.Const("WITHSCORES")),
            Commands("ZRANGE", Key, Index, Index, Gen.Const("REV")), Commands("ZREVRANGE", Key, Index, Index, Gen.Const("WITHSCORES")),
            Commands("ZRANGE", Key, Bound, Bound, Gen.Const("BYSCORE")), Commands("ZRANGE", Key, Bound, Bound, Gen.Const("BYSCORE"), Gen.Const("REV"), Gen.Const("WITHSCORES")),
            Commands("ZRANGE", Key, Bound, Bound, Gen.Const("BYSCORE"), Gen.Const("LIMIT"), Count, Count),
            Commands("ZRANGE", Key, Index, Index, Gen.Const("LIMIT"), Count, Count), Commands("ZRANGEBYSCORE", Key, Bound, Bound, Gen.Const("LIMIT"), Count, Count),
            Commands("ZRANGEBYSCORE", Key, Bound, Bound, Gen.Const("WITHSCORES")), Commands("ZREVRANGEBYSCORE", Key, Bound, Bound, Gen.Const("LIMIT"), Count, Count),
            Commands("ZREMRANGEBYSCORE", Key, Bound, Bound), Commands("ZREMRANGEBYRANK", Key, Index, Index), Commands("ZPOPMIN", Key), Commands("ZPOPMIN", Key, Count), Commands("ZPOPMAX", Key, Count)),
        Gen.OneOf(Commands("ZADD", Gen.Const("lex"), Gen.Const("0"), Member), Commands("ZREM", Gen.Const("lex"), Member),
            Commands("ZRANGEBYLEX", Gen.Const("lex"), Name, Name), Commands("ZREVRANGEBYLEX", Gen.Const("lex"), Name, Name, Gen.Const("LIMIT"), Count, Count),
            Commands("ZRANGE", Gen.Const("lex"), Name, Name, Gen.Const("BYLEX")), Commands("ZRANGE", Gen.Const("lex"), Name, Name, Gen.Const("BYLEX"), Gen.Const("REV"), Gen.Const("LIMIT"), Count, Count),
            Commands("ZLEXCOUNT", Gen.Const("lex"), Name, Name), Commands("ZREMRANGEBYLEX", Gen.Const("lex"), Name, Name)),
        Gen.OneOf(Commands("RPUSH", Key, Text), Commands("RPUSH", Key, Member, Member, Member), Commands("LPUSH", Key, Text, Text), Commands("RPUSHX", Key, Text), Commands("LPUSHX", Key, Text), Commands("RPOP", Key), Commands("LPOP", Key),
            Commands("LPOP", Key, Count), Commands("RPOP", Key, Count), Commands("LLEN", Key), Commands("LINDEX", Key, Index), Commands("LRANGE", Key, Index, Index),
            Commands("LSET", Key, Index, Text), Commands("LTRIM", Key, Index, Index), Commands("LREM", Key, Count, Member)),
        Gen.OneOf(Commands("DEL", Key, Key), Commands("UNLINK", Key), Commands("EXISTS", Key, Key, Key), Commands("TYPE", Key), Commands("TTL", Key), Commands("PERSIST", Key), Commands("PEXPIRE", Key, Gen.Const("100000000")),
            Commands("EXPIRE", Key, Any("-1", "0", "x", "9223372036854775807")), Commands("EXPIRE", Key, Gen.Const("1000000"), Any("NX", "XX", "QQ")),
            Commands("PEXPIREAT", Key, Any("1", "99999999999999")), Commands("PEXPIREAT", Key, FarMoment, Any("GT", "LT")), Commands("KEYS", Any("*", "?", "[a-b]", "l*"))),
        Gen.OneOf(Commands("MULTI"), Commands("EXEC"), Commands("EXEC"), Commands("DISCARD"), Commands("WATCH", Key, Key), Commands("UNWATCH"), Commands("PING"), Commands("ECHO", Text),
            Commands("NOSUCH", Any("x", "y z")), Commands("GET"), Commands("PUBLISH", Key, Text), Commands("SELECT", Any("0", "x"))));

    // Compared with each other: a time from now would be later or not, as the millisecond turns.
    private static Gen<string> FarMoment => Any("88888888888888", "99999999999999");

    private static Gen<string> SetOption => Any("NX", "XX", "GET", "KEEPTTL", "BAD");

    private static Gen<string> AddOption => Any("NX", "XX", "GT", "LT", "CH", "INCR");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Random_commands_get_the_replies_of_a_real_server()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await using var embedded = EmbeddedServer.Start();
        using var theirs = await Pair.ConnectAsync(new IPEndPoint(IPAddress.Loopback, redis.Port));
        using var ours = await Pair.ConnectAsync(embedded.EndPoint);

        // One sequence after another: they share the servers.
        await Gen.Select(Gen.Bool, Words).Array[20, 80].SampleAsync(
            async sequence =>
            {
                await theirs.ResetAsync();
                await ours.ResetAsync();
                foreach (var (isSecond, words) in sequence)
                {
                    var expected = Comparable(words, await theirs.AskAsync(isSecond, words));
                    var actual = Comparable(words, await ours.AskAsync(isSecond, words));
                    Assert.True(expected == actual, $"{string.Join(' ', words)}: {expected} at redis-server, {actual} here");
                }

                Assert.Equal(await theirs.DumpAsync(), await ours.DumpAsync());
            },
            iter: Sequences,
            threads: 1,
            print: sequence => string.Join('\n', sequence.Select(s => $"{(s.Item1 ? 2 : 1)}> {string.Join(' ', s.Item2)}")));
    }

    [Fact]
    public async Task What_random_commands_left_is_the_same_after_a_restart()
    {
        var folder = EmbeddedServer.NewFolder();
        var random = Words.Array[3_000].Single();
        string before;
        await using (var stopping = new Stopping(EmbeddedServer.Start(folder)))
        {
            using var pair = await Pair.ConnectAsync(stopping.Server.EndPoint);
            foreach (var words in random)
            {
                await pair.AskAsync(false, words);
            }

            await pair.LeaveTransactionsAsync();
            before = await pair.DumpAsync();
        }

        await using var again = EmbeddedServer.Start(folder);
        using var after = await Pair.ConnectAsync(again.EndPoint);

        Assert.Equal(before, await after.DumpAsync());
    }

    private static Gen<string> Any(params string[] words) => Gen.Int[0, words.Length - 1].Select(i => words[i]);

    private static Gen<string[]> Commands(string name, params Gen<string>[] words) =>
        words.Aggregate(Gen.Const(new[] { name }), (command, word) => Gen.Select(command, word, (c, w) => (string[])[.. c, w]));

    // Some replies have no order of their own; in a transaction it is not known which of them did.
    private static string Comparable(string[] words, string reply) =>
        words[0] == "EXEC" ? string.Join(' ', reply.Split(' ', '[', ']').Order(StringComparer.Ordinal))
        : !Unordered.Contains(words[0]) || !reply.StartsWith('[') ? reply
        : string.Join(' ', words[0] == "HGETALL" ? Pairs(reply) : reply.Trim('[', ']').Split(' ').Order(StringComparer.Ordinal));

    private static IEnumerable<string> Pairs(string reply) =>
        reply.Trim('[', ']').Split("\" \"").Chunk(2).Select(p => string.Join('=', p).Trim('"')).Order(StringComparer.Ordinal);

    private sealed class Stopping(EmbeddedServer server) : IAsyncDisposable
    {
        public EmbeddedServer Server => server;

        public async ValueTask DisposeAsync() => await server.StopAsync();
    }

    /// <summary>Two connections to one server, so that one may change what the other watches.</summary>
    private sealed class Pair(RawClient first, RawClient second) : IDisposable
    {
        public static async Task<Pair> ConnectAsync(EndPoint endPoint) =>
            new(await RawClient.ConnectAsync(endPoint, Cancellation), await RawClient.ConnectAsync(endPoint, Cancellation));

        public Task<string> AskAsync(bool isSecond, params string[] words) => (isSecond ? second : first).AskAsync(Cancellation, words);

        public async Task ResetAsync()
        {
            await LeaveTransactionsAsync();
            await first.AskAsync(Cancellation, "FLUSHALL");
        }

        public async Task LeaveTransactionsAsync()
        {
            foreach (var client in new[] { first, second })
            {
                await client.AskAsync(Cancellation, "DISCARD");
                await client.AskAsync(Cancellation, "UNWATCH");
            }
        }

        /// <summary>All keys with all they hold.</summary>
        public async Task<string> DumpAsync()
        {
            await LeaveTransactionsAsync();
            var dump = new List<string>();
            foreach (var key in new[] { "a", "b", "c", "d", "lex" })
            {
                var type = await first.AskAsync(Cancellation, "TYPE", key);
                string[] read = type switch
                {
                    "+string" => ["GET", key],
                    "+hash" => ["HGETALL", key],
                    "+set" => ["SMEMBERS", key],
                    "+zset" => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
                    "+list" => ["LRANGE", key, "0", "-1"],
                    _ => ["EXISTS", key],
                };
                var hasExpiry = await first.AskAsync(Cancellation, "TTL", key) != ":-1";
                var value = Comparable(read, await first.AskAsync(Cancellation, read));
                dump.Add($"{key} {type} {hasExpiry} {value}");
            }

            return string.Join('\n', dump);
        }

        public void Dispose()
        {
            first.Dispose();
            second.Dispose();
        }
    }
}
