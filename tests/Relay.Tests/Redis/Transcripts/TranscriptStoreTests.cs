using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Transcripts;

public sealed class TranscriptStoreTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_last_ten_are_kept_for_a_while_and_read_in_order()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        var transcripts = store.Get<ITranscriptStore>();
        var (mine, other) = (MessageId.Create(TimeProvider.System), MessageId.Create(TimeProvider.System));
        var now = DateTimeOffset.UtcNow;
        for (var attempt = 1; attempt <= 12; attempt++)
        {
            await transcripts.AppendAsync(Of(mine, attempt, now), TimeSpan.FromHours(1), Cancellation);
        }

        var read = await transcripts.ReadAsync(mine, Cancellation);

        Assert.Equal(Enumerable.Range(3, 10), read.Select(t => t.Attempt));
        Assert.Equivalent(Of(mine, 12, now), read[^1], strict: true);
        Assert.Empty(await transcripts.ReadAsync(other, Cancellation));
        var key = store.Store.PartitionOf(mine).Keys.Transcripts(mine);
        Assert.InRange((await store.Connections.Reading.KeyTimeToLiveAsync(key))!.Value, TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));

        await store.Connections.Bulk.ListRightPushAsync(key, "broken");
        Assert.Equal(10, (await transcripts.ReadAsync(mine, Cancellation)).Count);
    }

    private static Transcript Of(MessageId message, int attempt, DateTimeOffset now) => new()
    {
        Message = message,
        Time = now,
        Attempt = attempt,
        Domain = "x.test",
        Lines = [new TranscriptLine(now, TranscriptVoice.Us, "EHLO relay.test"), new TranscriptLine(now, TranscriptVoice.Them, "550 no"), new TranscriptLine(now, TranscriptVoice.Note, "lost")],
    };
}
