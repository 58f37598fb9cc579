using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Contents;

public abstract class ContentStoreContract : IAsyncLifetime
{
    private protected StoreUnderTest Store { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static TimeProvider Time => TimeProvider.System;

    private IContentStore Contents => Store.Get<IContentStore>();

    public async ValueTask InitializeAsync() => Store = await StartAsync();

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await StopAsync();
        GC.SuppressFinalize(this);
    }

    private protected abstract Task<StoreUnderTest> StartAsync();

    protected virtual ValueTask StopAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Chunks_are_read_back_in_order_and_go_with_the_message()
    {
        var message = await WriteAsync(chunks: 12);
        Assert.IsType<EnqueueResult.Accepted>(await Store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
        var keys = Store.Store.PartitionOf(message.Id).Keys;
        Assert.Null(await Store.Connections.Reading.KeyTimeToLiveAsync(keys.Chunk(message.Id, 11)));

        var lease = Assert.Single(await Store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        var chunk = 0;
        await foreach (var octets in Contents.ReadChunksAsync(lease.Message, Cancellation))
        {
            Assert.Equal(MessageContent.ChunkBytes, octets.Length);
            Assert.True(octets.Span.IndexOfAnyExcept((byte)chunk) < 0);
            chunk++;
        }

        Assert.Equal(12, chunk);
        await Store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        Assert.False(await Store.Connections.Reading.KeyExistsAsync(keys.Chunk(message.Id, 0)));
    }

    [Fact]
    public async Task What_is_never_accepted_vanishes_by_itself()
    {
        var message = await WriteAsync(chunks: 1);

        var left = await Store.Connections.Reading.KeyTimeToLiveAsync(Store.Store.PartitionOf(message.Id).Keys.Chunk(message.Id, 0));

        Assert.InRange(left!.Value, TimeSpan.FromHours(23), TimeSpan.FromHours(24));
    }

    [Fact]
    public async Task A_message_without_all_of_its_chunks_is_not_accepted()
    {
        var message = await WriteAsync(chunks: 2);
        await Contents.DiscardAsync(message.Id, 1);

        Assert.IsType<EnqueueResult.StoreUnavailable>(await Store.Queue.EnqueueAsync(message, null, Cancellation).InTime());

        Assert.Equal(0, (await Store.Reader.MeasureAsync(Cancellation)).Units);
        await Assert.ThrowsAsync<StoreUnavailableException>(async () =>
        {
            await foreach (var _ in Contents.ReadChunksAsync(message, Cancellation))
            {
            }
        });
    }

    private async Task<Message> WriteAsync(int chunks)
    {
        var message = TestMail.To(Time, "a@x.test");
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            var octets = new byte[MessageContent.ChunkBytes];
            octets.AsSpan().Fill((byte)chunk);
            await Contents.WriteChunkAsync(message.Id, chunk, octets, Cancellation).InTime();
        }

        return message with { Content = message.Content with { Chunks = chunks, Length = message.Content.Length + (chunks * MessageContent.ChunkBytes) } };
    }
}

public sealed class RedisContentStoreTests : ContentStoreContract
{
    private RedisServer? _redis;

    private protected override async Task<StoreUnderTest> StartAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        return await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
    }

    protected override ValueTask StopAsync() => _redis?.DisposeAsync() ?? ValueTask.CompletedTask;
}

public sealed class EmbeddedContentStoreTests : ContentStoreContract
{
    private protected override Task<StoreUnderTest> StartAsync() =>
        StoreUnderTest.StartAsync(null, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
}
