using StackExchange.Redis;

namespace Relay.Redis.Connections;

/// <summary>
/// Small writes that a store over its memory takes all the same. It refuses every command that may grow it, and within MULTI
/// every command at all; without an owner nobody could empty it, and without a note of what is on its way to a remote nobody
/// may send. Redis 7.0 and later lets a script that says <c>allow-oom</c> do them. Before that, and where EVAL is forbidden, such
/// a store waits for room.
/// </summary>
internal static class FullStore
{
    private const string Write = """
        #!lua flags=allow-oom
        return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
        """;

    public static bool Refused(RedisServerException e) => e.Kind == RedisErrorKind.OutOfMemory;

    /// <summary>One write to one key.</summary>
    public static Task<RedisResult> WriteAsync(IDatabase database, string command, RedisKey key, params RedisValue[] arguments) =>
        RunAsync(database, Write, [key], [command, .. arguments]);

    public static Task<RedisResult> RunAsync(IDatabase database, string script, RedisKey[] keys, RedisValue[] arguments) =>
        database.ScriptEvaluateAsync(script, keys, arguments, CommandFlags.NoScriptCache).InTimeAsync();
}
