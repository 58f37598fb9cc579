using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Redis.Embedded.Execution;
using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Tests.Redis.Embedded;

/// <summary>The embedded store alone, without a relay: its files in a folder, its socket to speak to.</summary>
internal sealed class EmbeddedServer : IAsyncDisposable
{
    private readonly Executor _executor;
    private readonly SocketListener _listener;

    private EmbeddedServer(string folder)
    {
        Folder = folder;
        _executor = new Executor(
            new DatabaseFolder(folder), isNew: !File.Exists(Path.Combine(folder, "CURRENT")), TimeProvider.System, NullLogger.Instance);
        _listener = new SocketListener(_executor);
    }

    public string Folder { get; }

    public EndPoint EndPoint => _listener.EndPoint;

    public static EmbeddedServer Start(string? folder = null) => new(folder ?? NewFolder());

    /// <summary>In memory where the machine has such a folder: most tests look at replies, not at the disk.</summary>
    public static string NewFolder() =>
        Directory.CreateDirectory(Path.Combine(
            Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"relay-embedded-{Guid.NewGuid():n}")).FullName;

    public Task<RawClient> ConnectAsync(CancellationToken cancellation) => RawClient.ConnectAsync(EndPoint, cancellation);

    /// <summary>Stops in order; the files stay.</summary>
    public async Task StopAsync()
    {
        await _listener.DisposeAsync();
        _executor.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
