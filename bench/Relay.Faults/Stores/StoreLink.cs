using System.Net;
using System.Net.Sockets;

namespace Relay.Faults.Stores;

/// <summary>The wire between one relay and the store, which may be cut while both live.</summary>
internal sealed class StoreLink : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _storePort;
    private readonly Task _accepting;
    private CancellationTokenSource _whole = new();
    private TaskCompletionSource _flows = Open();

    public StoreLink(int storePort)
    {
        _storePort = storePort;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Ends every connection and refuses new ones.</summary>
    public void Cut() => _whole.Cancel();

    /// <summary>Keeps every connection and carries nothing, as a network does that drops all packets.</summary>
    public void Stall() => _flows = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Mend()
    {
        if (_whole.IsCancellationRequested)
        {
            _whole = new CancellationTokenSource();
        }

        _flows.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _whole.CancelAsync();
        _flows.TrySetResult();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            _ = CarryAsync(client, _whole.Token);
        }
    }

    private async Task CarryAsync(TcpClient client, CancellationToken whole)
    {
        using (client)
        using (var server = new TcpClient { NoDelay = true })
        {
            try
            {
                whole.ThrowIfCancellationRequested();
                client.NoDelay = true;
                await server.ConnectAsync(IPAddress.Loopback, _storePort, whole);
                await Task.WhenAny(CopyAsync(client.GetStream(), server.GetStream(), whole), CopyAsync(server.GetStream(), client.GetStream(), whole));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // Either side went away, or the wire was cut.
            }
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, CancellationToken whole)
    {
        var buffer = new byte[1 << 16];
        while (await from.ReadAsync(buffer, whole) is var count && count > 0)
        {
            await _flows.Task.WaitAsync(whole);
            await to.WriteAsync(buffer.AsMemory(0, count), whole);
        }
    }

    private static TaskCompletionSource Open()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }
}
