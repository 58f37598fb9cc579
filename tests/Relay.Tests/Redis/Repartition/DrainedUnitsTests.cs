using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Queue;
using Relay.Redis.Repartition;
using Relay.TestKit.Redis;
using Relay.Tests.Redis.Queue;

namespace Relay.Tests.Redis.Repartition;

/// <summary>What a relay took out of a full store is told once, also where it was killed and the store has other partitions when it starts again.</summary>
public sealed class DrainedUnitsTests
{
    private const int Mails = 24;
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(4, 16)]
    [InlineData(16, 2)]
    public async Task An_end_that_was_told_before_is_not_told_again_and_one_that_was_not_is(int from, int to)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        var folder = StoreUnderTest.NewFolder();
        var leases = await AcceptAsync(redis, folder, from);

        // It told of half of its partitions and was killed: what had ended in the others before stands untold beside that.
        var ended = leases.OrderByDescending(lease => lease.Id.Message.Slot & 2)
            .Select((lease, i) => DrainTests.Drained(i + 1, lease, ends: true)).ToList();
        var told = ended.Where(unit => unit.Sequence > Mails / 2).ToList();
        await using (await RestartAsync(redis, folder, told))
        {
            await Eventually.HoldsAsync(() => new FileInfo(FileOf(folder)).Length == 0, Cancellation);
        }

        await using (var connections = await StoreConnections.OpenAsync(StoreConnections.Configure(redis.ConnectionString, TimeSpan.FromSeconds(5)), Cancellation))
        {
            await Eventually.HoldsAsync(() => RepartitionTests.MovesNowAsync(connections, to), Cancellation);
        }

        await using var store = await RestartAsync(redis, folder, ended);

        Assert.Equal(to, store.Store.Partitions.Count);
        await Eventually.HoldsAsync(() => new FileInfo(FileOf(folder)).Length == 0, Cancellation);
        Assert.Equal(0, (await store.Reader.MeasureAsync(Cancellation)).Units);
        foreach (var lease in leases)
        {
            await Eventually.HoldsAsync(async () => (await TypesAsync(store, lease)).Count > 1, Cancellation);
            Assert.Equal([MailEventType.Accepted, MailEventType.Delivered], await TypesAsync(store, lease));
        }
    }

    private static async Task<IReadOnlyList<MailEventType>> TypesAsync(StoreUnderTest store, Lease lease) =>
        [.. (await store.Activity.FindAsync("acme", lease.Id.Message, Cancellation))!.Events.Select(e => e.Type)];

    private static async Task<List<Lease>> AcceptAsync(RedisServer redis, string folder, int partitions)
    {
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, folder, Time, Cancellation, ("Queue:Partitions", partitions.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("Queue:Lease", "00:00:02"));
        for (var i = 0; i < Mails; i++)
        {
            var message = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, i) };
            Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
        }

        var leases = new List<Lease>();
        while (leases.Count < Mails)
        {
            leases.AddRange(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        }

        return leases;
    }

    // With what a process that was killed has left.
    private static async Task<StoreUnderTest> RestartAsync(RedisServer redis, string folder, IReadOnlyList<DrainedUnit> drained)
    {
        using (var file = DrainFile.Open(folder, out _))
        {
            file.Append(drained);
        }

        return await StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation, ("Queue:Lease", "00:00:02"));
    }

    private static string FileOf(string folder) => Path.Combine(folder, "drained.jsonl");
}
