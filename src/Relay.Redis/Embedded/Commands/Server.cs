using System.Globalization;
using System.Text;
using Relay.Redis.Embedded.Storage;

namespace Relay.Redis.Embedded.Commands;

/// <summary>What a client asks about the server and about itself.</summary>
internal static class Server
{
    // What clients may count on: the commands of that version which are in the table.
    private const string Version = "7.2.0";

    // Read by whoever wants to know what a 250 is worth.
    private static readonly (string Name, string Value)[] Settings =
    [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("no-appendfsync-on-rewrite", "no"),
        ("maxmemory", "0"),
        ("maxmemory-policy", "noeviction"),
        ("databases", "1"),
        ("timeout", "0"),
        ("slave-read-only", "yes"),
        ("replica-read-only", "yes"),
        ("min-replicas-to-write", "0"),
        ("save", ""),
    ];

    public static void Ping(Call call)
    {
        if (call.Count > 2)
        {
            call.Reply.Error("ERR wrong number of arguments for 'ping' command");
        }
        else if (call.Session.Subscriptions > 0)
        {
            call.Reply.Array(2);
            call.Reply.Bulk("pong"u8);
            call.Reply.Bulk(call.Count == 2 ? call[1] : []);
        }
        else if (call.Count == 2)
        {
            call.Reply.Bulk(call[1]);
        }
        else
        {
            call.Reply.Simple("PONG"u8);
        }
    }

    public static void Echo(Call call) => call.Reply.Bulk(call[1]);

    public static void Time(Call call)
    {
        var now = call.Executor.Time.GetUtcNow();
        call.Reply.Array(2);
        call.Reply.BulkInteger(now.ToUnixTimeSeconds());
        call.Reply.BulkInteger(now.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond);
    }

    public static void Select(Call call)
    {
        if (!call.TryInteger(1, out var database))
        {
            return;
        }

        if (database == 0)
        {
            call.Reply.Ok();
        }
        else
        {
            call.Reply.Error("ERR DB index is out of range");
        }
    }

    public static void Auth(Call call) => call.Reply.Error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?");

    /// <summary>Only RESP2 is spoken; a client that asks for more is told so, and goes on in that.</summary>
    public static void Hello(Call call)
    {
        if (call.Count > 1 && !call.Is(1, "2"u8))
        {
            call.Reply.Error("NOPROTO unsupported protocol version");
            return;
        }

        call.Reply.Array(14);
        Pair(call, "server", "redis");
        Pair(call, "version", Version);
        call.Reply.Bulk("proto"u8);
        call.Reply.Integer(2);
        call.Reply.Bulk("id"u8);
        call.Reply.Integer(call.Session.Id);
        Pair(call, "mode", "standalone");
        Pair(call, "role", "master");
        call.Reply.Bulk("modules"u8);
        call.Reply.Array(0);
    }

    public static void Client(Call call)
    {
        if (call.Is(1, "setname"u8) && call.Count == 3)
        {
            call.Session.Name = call[2].ToArray();
            call.Reply.Ok();
        }
        else if (call.Is(1, "getname"u8))
        {
            call.Reply.Bulk(call.Session.Name);
        }
        else if (call.Is(1, "id"u8))
        {
            call.Reply.Integer(call.Session.Id);
        }
        else if (call.Is(1, "setinfo"u8) || call.Is(1, "no-evict"u8) || call.Is(1, "no-touch"u8))
        {
            call.Reply.Ok();
        }
        else if (call.Is(1, "list"u8) || call.Is(1, "info"u8))
        {
            call.Reply.Bulk($"id={call.Session.Id} name={Encoding.UTF8.GetString(call.Session.Name)} db=0\n");
        }
        else
        {
            call.Reply.Error(UnknownSubcommand(call));
        }
    }

    public static void Config(Call call)
    {
        if (!call.Is(1, "get"u8) || call.Count < 3)
        {
            call.Reply.Error(UnknownSubcommand(call));
            return;
        }

        var start = call.Reply.Length;
        var count = 0;
        foreach (var (name, value) in Settings)
        {
            for (var i = 2; i < call.Count; i++)
            {
                if (Wire.Glob.IsMatch(call[i], Encoding.ASCII.GetBytes(name)))
                {
                    Pair(call, name, value);
                    count += 2;
                    break;
                }
            }
        }

        call.Reply.InsertArray(start, count);
    }

    public static void Info(Call call)
    {
        var text = new StringBuilder();
        foreach (var (name, lines) in Sections(call))
        {
            if (call.Count == 1 || call.Is(1, Encoding.ASCII.GetBytes(name)) || call.Is(1, "all"u8) || call.Is(1, "everything"u8) || call.Is(1, "default"u8))
            {
                text.Append(CultureInfo.InvariantCulture, $"# {name}\r\n");
                foreach (var (key, value) in lines)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{key}:{value}\r\n");
                }

                text.Append("\r\n");
            }
        }

        call.Reply.Bulk(text.ToString());
    }

    public static void CommandList(Call call)
    {
        if (call.Count > 1 && call.Is(1, "count"u8))
        {
            call.Reply.Integer(CommandTable.Count);
        }
        else
        {
            call.Reply.Array(0);
        }
    }

    public static void Cluster(Call call) => call.Reply.Error("ERR This instance has cluster support disabled");

    /// <summary>Nobody replicates us.</summary>
    public static void Wait(Call call) => call.Reply.Integer(0);

    /// <summary>Whatever was answered before is durable, and what this turn wrote is so when this answer leaves.</summary>
    public static void WaitForLog(Call call)
    {
        call.Reply.Array(2);
        call.Reply.Integer(1);
        call.Reply.Integer(0);
    }

    /// <summary>What was answered before goes from the log into files. Everybody waits meanwhile.</summary>
    public static void Save(Call call)
    {
        call.Keyspace.Database.Flush();
        call.Reply.Ok();
    }

    public static void Role(Call call)
    {
        call.Reply.Array(3);
        call.Reply.Bulk("master"u8);
        call.Reply.Integer(0);
        call.Reply.Array(0);
    }

    public static void Quit(Call call)
    {
        call.Reply.Ok();
        call.Session.Connection.EndWhenSent();
    }

    public static void Reset(Call call)
    {
        Transactions.End(call.Executor, call.Session);
        call.Executor.Subscriptions.RemoveAll(call.Session);
        call.Session.Name = [];
        call.Reply.Simple("RESET"u8);
    }

    public static string UnknownSubcommand(Call call) =>
        $"ERR unknown subcommand '{Encoding.Latin1.GetString(call[1][..Math.Min(call[1].Length, 64)])}'. Try {CommandTable.Find(call[0])!.Name.ToUpperInvariant()} HELP.";

    private static IEnumerable<(string Name, (string Key, object Value)[] Lines)> Sections(Call call)
    {
        var database = call.Keyspace.Database;
        return
        [
            ("Server", [("redis_version", Version), ("redis_mode", "standalone"), ("os", Environment.OSVersion.Platform), ("process_id", Environment.ProcessId)]),
            ("Clients", [("pubsub_patterns", call.Executor.Subscriptions.Patterns)]),
            ("Memory", [("used_memory", Memory(database)), ("maxmemory", 0), ("maxmemory_policy", "noeviction")]),
            ("Persistence", [
                ("loading", 0),
                ("aof_enabled", 1),
                ("aof_last_write_status", database.IsWritable ? "ok" : "err"),
                ("files_octets", database.Property("rocksdb.total-sst-files-size") + database.Property("rocksdb.total-blob-file-size")),
                ("live_octets", database.Property("rocksdb.live-sst-files-size") + database.Property("rocksdb.live-blob-file-size")),
                ("estimated_keys", database.Property("rocksdb.estimate-num-keys")),
            ]),
            ("Replication", [("role", "master"), ("connected_slaves", 0)]),
            ("Cluster", [("cluster_enabled", 0)]),
        ];
    }

    private static long Memory(Database database) =>
        database.Property("rocksdb.cur-size-all-mem-tables") + database.Property("rocksdb.block-cache-usage")
        + database.Property("rocksdb.estimate-table-readers-mem");

    private static void Pair(Call call, string name, string value)
    {
        call.Reply.Bulk(name);
        call.Reply.Bulk(value);
    }
}
