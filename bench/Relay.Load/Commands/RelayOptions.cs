using System.CommandLine;
using Relay.Load.Machine;
using Relay.Load.Targets;

namespace Relay.Load.Commands;

/// <summary>Which relay runs, on what, and where it writes: alike for every command that starts one.</summary>
/// <param name="store">What it keeps its mail in unless told otherwise.</param>
internal sealed class RelayOptions(string store = "redis-always")
{
    private readonly Option<string> _store = new("--store")
    {
        Description = "What the relay keeps its mail in",
        DefaultValueFactory = _ => store,
    };

    private readonly Option<string?> _relay = new("--relay")
    {
        Description = "Path of relay.dll; else the Release build of this checkout",
        DefaultValueFactory = _ => RelaySetup.FindProgram(),
    };

    private readonly Option<string?> _settings = new("--redis-settings")
    {
        Description = "Settings of the Redis that it keeps its mail in: a file, or 'none' for Redis's own; else ops/redis/redis.conf of this checkout",
        DefaultValueFactory = _ => RelaySetup.FindRedisSettings(),
    };

    private readonly Option<string?> _work = new("--work") { Description = "Folder on a real disk for queues and logs" };
    private readonly Option<bool> _keep = new("--keep") { Description = "Leave queues and logs there" };

    /// <param name="stores">Those that the command can use; none does not ask.</param>
    public void AddTo(Command command, params string[] stores)
    {
        if (stores.Length > 0)
        {
            _store.AcceptOnlyFromAmong(stores);
            command.Add(_store);
        }

        command.Add(_relay);
        command.Add(_settings);
        command.Add(_work);
        command.Add(_keep);
    }

    public Workspace OpenWorkspace(ParseResult parsed) => new(parsed.GetValue(_work), parsed.GetValue(_keep));

    /// <exception cref="InvalidOperationException">There is none.</exception>
    public string Program(ParseResult parsed) => parsed.GetValue(_relay) is { } program && File.Exists(program)
        ? program
        : throw new InvalidOperationException($"No relay at '{parsed.GetValue(_relay)}': dotnet build Relay.sln -c Release, or --relay PATH");

    /// <summary>Null is Redis's own.</summary>
    /// <exception cref="InvalidOperationException">There is no such file.</exception>
    public string? RedisSettings(ParseResult parsed) => parsed.GetValue(_settings) switch
    {
        null or "none" => null,
        { } file when File.Exists(file) => Path.GetFullPath(file),
        { } file => throw new InvalidOperationException($"No settings at '{file}': --redis-settings PATH, or none"),
    };

    /// <summary>Redis's <c>appendfsync</c>; null is the embedded store.</summary>
    public string? Fsync(ParseResult parsed) => parsed.GetRequiredValue(_store) switch
    {
        "redis-always" => "always",
        "redis-everysec" => "everysec",
        _ => null,
    };
}
