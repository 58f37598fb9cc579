using System.Reflection;
using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Journal;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Redis.Repartition;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Repartition;

/// <summary>Every kind of key that a partition has is carried to where it belongs when the number of partitions changes, or is known to have no more to say.</summary>
public sealed class KindsOfKeysTests
{
    private const string Hook = "acme|hook_1";
    private static readonly TimeProvider Time = TimeProvider.System;
    private static readonly DateOnly Day = new(2026, 1, 1);
    private static readonly Lane Lane = new("x.test", "acme", MessageClass.Transactional);

    // One whose slot falls into different partitions of 2, 4 and 16.
    private static readonly IdempotencyKey Key = Enumerable.Range(0, 1_000).Select(i => new IdempotencyKey($"key{i}", "f")).First(key => key.SlotFor("acme") % 16 is 7 or 11);
    private static readonly MessageId Id = MessageId.Create(Time, Key.SlotFor("acme"));
    private static readonly UnitId Unit = new(Id, 0);

    private static readonly Kind[] Kinds =
    [
        new(nameof(PartitionKeys.Message), keys => keys.Message(Id), WithString),
        new(nameof(PartitionKeys.Chunk), keys => keys.Chunk(Id, 0), WithString) { Vanishes = true },
        new(nameof(PartitionKeys.Open), keys => keys.Open(Id), (database, key) => database.SetAddAsync(key, [0, 1])),
        new(nameof(PartitionKeys.Unit), keys => keys.Unit(Unit), WithString),
        new(nameof(PartitionKeys.Lane), keys => keys.Lane(Lane), (database, key) => database.SortedSetAddAsync(key, Unit.ToString(), 5)),
        new(nameof(PartitionKeys.Lanes), keys => keys.Lanes, (database, key) => database.SortedSetAddAsync(key, Lane.ToString(), 5)),
        new(nameof(PartitionKeys.Outbox), keys => keys.Outbox, (database, key) => database.ListRightPushAsync(key, EventRecord.Write(Opened, 1, ends: false))),
        new(nameof(PartitionKeys.Dots), keys => keys.Dots, (database, key) => database.HashSetAsync(key, $"{Unit} 0000002a.1", "{}")),
        new(nameof(PartitionKeys.Late), keys => keys.Late, (database, key) => database.ListRightPushAsync(key, new DoneEntry(Unit, 0) { Events = [] }.ToArray())),
        new(nameof(PartitionKeys.Asks), keys => keys.Asks, (database, key) => database.ListRightPushAsync(key, "{}")) { IsEverywhere = true },
        new(nameof(PartitionKeys.Answer), keys => keys.Answer("ask"), WithString) { Vanishes = true, IsOfPartition = true },
        new(nameof(PartitionKeys.Unreadable), keys => keys.Unreadable, (database, key) => database.ListRightPushAsync(key, "{}")) { IsOfPartition = true },
        new(nameof(PartitionKeys.Idempotency), keys => keys.Idempotency("acme", Key.Key), WithString) { Vanishes = true },
        new(nameof(PartitionKeys.Statistics), keys => keys.Statistics("acme", Day), (database, key) => database.HashSetAsync(key, "01 accepted", 3)) { Vanishes = true, IsOfPartition = true },
        new(nameof(PartitionKeys.Used), keys => keys.Used("acme", Day), (database, key) => database.HashSetAsync(key, "01", 3)) { Vanishes = true, IsOfPartition = true },
        new(nameof(PartitionKeys.Activity), keys => keys.Activity(Id), WithString) { Vanishes = true },
        new(nameof(PartitionKeys.AccountActivity), keys => keys.AccountActivity("acme"), (database, key) => database.SortedSetAddAsync(key, Id.ToString(), 0)),
        new(nameof(PartitionKeys.Ended), keys => keys.Ended, (database, key) => database.SortedSetAddAsync(key, $"{Id} acme", 5)),
        new(nameof(PartitionKeys.Drained), keys => keys.Drained("node1"), (database, key) => database.HashSetAsync(key, Id.Slot, 100)),
        new(nameof(PartitionKeys.Told), keys => keys.Told(Id), (database, key) => database.HashSetAsync(key, "Complained a@x.test", 1)) { Vanishes = true },
        new(nameof(PartitionKeys.Transcripts), keys => keys.Transcripts(Id), (database, key) => database.ListRightPushAsync(key, ["one", "two"])) { Vanishes = true },
        new(nameof(PartitionKeys.Hook), keys => keys.Hook(Hook), (database, key) => database.SortedSetAddAsync(key, Id.ToString(), 5)),
        new(nameof(PartitionKeys.Hooks), keys => keys.Hooks, (database, key) => database.SetAddAsync(key, Hook)),
        new(nameof(PartitionKeys.HookMark), keys => keys.HookMark(Hook, Id), WithString),
        new(nameof(PartitionKeys.HookCounts), keys => keys.HookCounts(Hook), (database, key) => database.HashSetAsync(key, "taken", 3)) { IsOfPartition = true },
        new(nameof(PartitionKeys.HookNews), keys => keys.HookNews(Hook), (database, key) => database.HashSetAsync(key, [new("good", 5), new("bad", 6), new("words", "HTTP 500")])) { IsOfPartition = true },

        // Nobody owns anything afterwards, and epochs begin anew.
        new(nameof(PartitionKeys.Settled), keys => keys.Settled, WithString) { EndsHere = true },
        new(nameof(PartitionKeys.Projected), keys => keys.Projected, WithString) { EndsHere = true },
        new(nameof(PartitionKeys.Acknowledged), keys => keys.Acknowledged("node1"), WithString) { EndsHere = true },
        new(nameof(PartitionKeys.Probe), keys => keys.Probe, WithString) { EndsHere = true },

        // Where one stands nothing is moved.
        new(nameof(PartitionKeys.Lease), keys => keys.Lease, null),

        // Of which there never is any.
        new(nameof(PartitionKeys.Nothing), keys => keys.Nothing, null),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static MailEvent Opened => new() { Time = DateTimeOffset.UnixEpoch, Type = MailEventType.Opened, Message = Id, Account = "acme" };

    [Theory]
    [InlineData(4, 16)]
    [InlineData(16, 4)]
    [InlineData(16, 2)]
    public async Task Each_stands_where_it_belongs_and_no_other_is_left(int from, int to)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await using var connections = await StoreConnections.OpenAsync(StoreConnections.Configure(redis.ConnectionString, TimeSpan.FromSeconds(5)), Cancellation);
        var database = connections.Background;
        await database.HashSetAsync(StoreKeys.Store, Repartitioner.PartitionsField, from);
        var old = new PartitionKeys(HashTags.For(from)[Id.Partition(from)]);
        var before = new Dictionary<string, byte[]?>();
        foreach (var kind in Kinds.Where(kind => kind.Write is not null))
        {
            await kind.Write!(database, kind.Key(old));
            if (kind.Vanishes)
            {
                await database.KeyExpireAsync(kind.Key(old), TimeSpan.FromHours(1));
            }

            before[kind.Name] = await database.KeyDumpAsync(kind.Key(old));
        }

        await new Repartitioner(connections, () => { }).RunAsync(to, Cancellation);

        var expected = new List<string>();
        foreach (var kind in Kinds.Where(kind => kind is { Write: not null, EndsHere: false }))
        {
            foreach (var partition in Enumerable.Range(0, to).Where(partition => kind.BelongsTo(partition, from, to)))
            {
                var key = kind.Key(new PartitionKeys(HashTags.For(to)[partition]));
                expected.Add(key.ToString());
                Assert.Equal((kind.Name, Convert.ToHexString(before[kind.Name]!)), (kind.Name, Convert.ToHexString(await database.KeyDumpAsync(key) ?? [])));
                Assert.Equal(kind.Vanishes, await database.KeyTimeToLiveAsync(key) is not null);
            }
        }

        var there = new List<string>();
        await foreach (var key in connections.Primaries().Single().KeysAsync(pattern: "relay:{*"))
        {
            there.Add(key.ToString());
        }

        Assert.Equal(expected.Order(), there.Order());
    }

    /// <summary>Whoever makes a new kind of key says here what becomes of it.</summary>
    [Fact]
    public void None_is_forgotten()
    {
        var kinds = typeof(PartitionKeys).GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(member => member is PropertyInfo { PropertyType: var property } && property == typeof(RedisKey)
                || member is MethodInfo { IsSpecialName: false, ReturnType: var method } && method == typeof(RedisKey))
            .Select(member => member.Name);

        Assert.Equal(kinds.Order(), Kinds.Select(kind => kind.Name).Order());
    }

    private static Task WithString(IDatabase database, RedisKey key) => database.StringSetAsync(key, "1:2");

    /// <param name="Write">Null where none can stand there.</param>
    private sealed record Kind(string Name, Func<PartitionKeys, RedisKey> Key, Func<IDatabase, RedisKey, Task>? Write)
    {
        /// <summary>It has a time to live, and keeps it.</summary>
        public bool Vanishes { get; init; }

        /// <summary>It is no message's, so one of the heirs of its partition has it.</summary>
        public bool IsOfPartition { get; init; }

        /// <summary>All of the heirs have it.</summary>
        public bool IsEverywhere { get; init; }

        public bool EndsHere { get; init; }

        public bool BelongsTo(int partition, int from, int to) =>
            IsEverywhere ? partition % Math.Min(from, to) == Id.Slot % Math.Min(from, to)
            : IsOfPartition ? partition == Id.Slot % Math.Min(from, to)
            : partition == Id.Slot % to;
    }
}
