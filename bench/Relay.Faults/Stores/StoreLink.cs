using System.Net.Sockets;
using Relay.TestKit.Redis;

namespace Relay.Faults.Stores;

/// <summary>The wire between one relay and the store, which may be cut while both live.</summary>
internal sealed class StoreLink(int storePort) : RedisFront(storePort)
{
    private CancellationTokenSource _whole = new();
    private TaskCompletionSource _flows = Open();

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

    public override async ValueTask DisposeAsync()
    {
        await _whole.CancelAsync();
        _flows.TrySetResult();
        await base.DisposeAsync();
    }

    protected override async Task CarryAsync(TcpClient client, TcpClient server)
    {
        var whole = _whole.Token;
        whole.ThrowIfCancellationRequested();
        await Task.WhenAny(CopyAsync(client.GetStream(), server.GetStream(), whole), CopyAsync(server.GetStream(), client.GetStream(), whole));
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
