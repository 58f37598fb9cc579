using Relay.Redis.Connections;

namespace Relay.Tests.Redis.Connections;

/// <summary>What is read of a cluster's servers never goes on in the thread by which sockets are heard: the client blocks it.</summary>
public sealed class PooledReadsTests
{
    [Fact]
    public async Task What_was_read_goes_on_in_a_thread_of_the_pool()
    {
        using var heard = new HeardElsewhere();
        await using var reads = new PooledReads(heard);
        var thread = ThreadBehindAsync(reads);
        heard.Tell(3);

        Assert.Equal((3, true), await thread);
    }

    [Fact]
    public async Task So_does_what_could_not_be_read()
    {
        using var heard = new HeardElsewhere();
        await using var reads = new PooledReads(heard);
        var thread = ThreadBehindAsync(reads);
        heard.Fail(new IOException("connection reset"));

        Assert.Equal((-1, true), await thread);
    }

    private static async Task<(int Read, bool IsOfPool)> ThreadBehindAsync(Stream stream)
    {
        var read = -1;
        try
        {
            read = await stream.ReadAsync(new byte[8]).ConfigureAwait(false);
        }
        catch (IOException)
        {
        }

        return (read, Thread.CurrentThread.IsThreadPoolThread);
    }

    /// <summary>Hears in a thread of its own, and lets whoever waits go on in it.</summary>
    private sealed class HeardElsewhere : MemoryStream
    {
        private readonly TaskCompletionSource<int> _told = new();

        public void Tell(int octets) => new Thread(() => _told.SetResult(octets)) { IsBackground = true }.Start();

        public void Fail(Exception exception) => new Thread(() => _told.SetException(exception)) { IsBackground = true }.Start();

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(_told.Task);
    }
}
