using System.Text;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Journal;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>What cannot be read is kept aside and told of, never dropped, and whatever stands behind it goes on.</summary>
public sealed class UnreadableTests : IAsyncLifetime
{
    private static readonly TimeProvider Time = TimeProvider.System;
    private readonly string _folder = StoreUnderTest.NewFolder();
    private RedisServer _redis = null!;
    private StoreUnderTest _store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private IDatabase Database => _store.Connections.Background;

    private PartitionKeys Keys => _store.Store.Partitions[0].Keys;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation, "everysec");
        _store = await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Theory]
    [InlineData("\u0001")]
    [InlineData("\u0009a later version")]
    [InlineData("\u0001\u0005\u0000\u0000\u0000{nope")]
    public async Task A_broken_record(string record)
    {
        var broken = await AcceptAsync();
        await Database.StringSetAsync(Keys.Message(broken.Id), record);

        await SetAsideAndGoneOnAsync($"{broken.Id}/0");
        Assert.Equal(record, await Database.StringGetAsync(Keys.Message(broken.Id)));
    }

    [Fact]
    public async Task A_record_that_is_missing()
    {
        var broken = await AcceptAsync();
        await Database.KeyDeleteAsync(Keys.Message(broken.Id));

        await SetAsideAndGoneOnAsync($"{broken.Id}/0");
    }

    [Fact]
    public async Task A_broken_unit_state()
    {
        var broken = await AcceptAsync();
        await Database.StringSetAsync(Keys.Unit(new UnitId(broken.Id, 0)), "{\"attempts\":");

        await SetAsideAndGoneOnAsync($"{broken.Id}/0");
    }

    [Fact]
    public async Task An_entry_that_is_not_a_unit()
    {
        await Database.SortedSetAddAsync(Keys.Lane(new Lane("x.test", "acme", MessageClass.Transactional)), "no unit", 1);
        await Database.SortedSetAddAsync(Keys.Lanes, "x.test|acme|t", 1);

        await SetAsideAndGoneOnAsync("no unit");
    }

    [Fact]
    public async Task More_entries_than_are_read_at_once_that_are_not_units()
    {
        var broken = Enumerable.Range(0, 40).Select(i => $"no unit {i}").ToArray();
        await Database.SortedSetAddAsync(Keys.Lane(new Lane("x.test", "acme", MessageClass.Transactional)), [.. broken.Select(b => new SortedSetEntry(b, 1))]);
        await Database.SortedSetAddAsync(Keys.Lanes, "x.test|acme|t", 1);

        await _store.DisposeAsync();
        _store = await OpenAsync();
        var whole = await AcceptAsync();

        Assert.Equal(whole.Id, Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        await Eventually.HoldsAsync(async () => await Database.ListLengthAsync(Keys.Unreadable) == broken.Length, Cancellation);
    }

    /// <summary>The clock stands still: what is behind them waits for no look at the lane but those that follow each other at once.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_that_are_broken_keep_the_mail_behind_them_waiting_for_nothing(bool areUnits)
    {
        const int Broken = 1_000;
        var whole = await AcceptAsync();
        var broken = Enumerable.Range(0, Broken).Select(i => areUnits ? $"{MessageId.Create(Time)}/0" : $"no unit {i}").ToArray();
        await _store.DisposeAsync();
        using (var server = await RespClient.ConnectAsync(_redis.Port, Cancellation))
        {
            var keys = new PartitionKeys(HashTags.For(1)[0]);
            foreach (var entry in broken)
            {
                await server.AskAsync(Cancellation, "ZADD", keys.Lane(new Lane("x.test", "acme", MessageClass.Transactional)).ToString(), "1", entry);
                if (areUnits)
                {
                    await server.AskAsync(Cancellation, "SET", $"{keys.Message(MessageId.Parse(entry[..^2]))}", "broken");
                }
            }

            await server.AskAsync(Cancellation, "ZADD", keys.Lanes.ToString(), "1", "x.test|acme|t");
        }

        var time = new FakeTimeProvider(Time.GetUtcNow().AddMinutes(1));
        _store = await OpenAsync(time);

        Assert.Equal(whole.Id, Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        await Eventually.HoldsAsync(async () => await Database.ListLengthAsync(Keys.Unreadable) == Broken, Cancellation);
    }

    [Fact]
    public async Task A_lane_whose_name_is_broken()
    {
        await Database.SortedSetAddAsync(Keys.Lanes, "no lane", 1);

        await SetAsideAndGoneOnAsync("no lane");
        Assert.Null(await Database.SortedSetScoreAsync(Keys.Lanes, "no lane"));
    }

    [Theory]
    [InlineData("no event")]
    [InlineData("")]
    public async Task An_outbox_entry_that_is_broken_stops_no_projection(string entry)
    {
        await Database.ListRightPushAsync(Keys.Outbox, entry);
        var message = await AcceptAsync();

        await Eventually.HoldsAsync(async () => await Database.KeyExistsAsync(Keys.Activity(message.Id)), Cancellation);
        Assert.Equal(entry, await Database.ListGetByIndexAsync(Keys.Unreadable, 0));
        await ToldAsync();
    }

    [Fact]
    public async Task An_event_whose_JSON_is_broken_is_set_aside_and_the_message_keeps_the_others()
    {
        var message = await AcceptAsync();
        var whole = EventRecord.Write(new MailEvent { Time = Time.GetUtcNow(), Type = MailEventType.Deferred, Message = message.Id, Account = "acme" }, 1, ends: false);
        await Database.ListRightPushAsync(Keys.Outbox, whole[..^(whole.Length / 2)]);
        await Database.ListRightPushAsync(Keys.Outbox, whole);

        await Eventually.HoldsAsync(async () => await Database.ListLengthAsync(Keys.Outbox) == 0, Cancellation);
        var activity = await _store.Activity.FindAsync("acme", message.Id, Cancellation);
        Assert.Equal([MailEventType.Accepted, MailEventType.Deferred], activity!.Events.Select(e => e.Type));
        Assert.Equal(1, await Database.ListLengthAsync(Keys.Unreadable));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_outcome_with_an_event_of_a_later_version_stops_no_take_over_and_its_unit_is_uncertain(bool isInJournal)
    {
        var message = await AcceptAsync();
        var told = new MailEvent
        {
            Time = Time.GetUtcNow(),
            Type = MailEventType.Delivered,
            Message = message.Id,
            Account = message.Account,
            Recipient = "a@x.test",
            Host = "mx.x.test",
            Attempt = 1,
        };
        var octets = Encoding.Latin1.GetString(EventRecord.Write(told, 1, ends: false)).Replace("Delivered", "Teleports", StringComparison.Ordinal);
        var outcome = new DoneEntry(new UnitId(message.Id, 0), 0) { Events = [Encoding.Latin1.GetBytes(octets)] };
        var late = Keys.Late.ToString();
        if (isInJournal)
        {
            _store.Get<LocalJournal>().Add(outcome);
        }

        await _store.DisposeAsync();
        if (!isInJournal)
        {
            await _redis.AskAsync(Cancellation, "RPUSH", late, Encoding.Latin1.GetString(outcome.ToArray()));
        }

        _store = await OpenAsync();

        var lease = Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal((outcome.Unit, "mx.x.test"), (lease.Id, lease.Unheard?.Host));
        await Eventually.HoldsAsync(async () => await Database.ListGetByIndexAsync(Keys.Unreadable, 0) == outcome.ToArray(), Cancellation);
        await Eventually.HoldsAsync(async () => await Database.ListLengthAsync(Keys.Late) == 0, Cancellation);
        await ToldAsync();
    }

    [Fact]
    public async Task An_account_document_that_is_broken_hides_no_other_and_its_owner_is_told_to_come_back()
    {
        var accounts = _store.Get<IAccountStore>();
        await accounts.TryAddAccountAsync(new Account("whole", "Whole", DateTimeOffset.UnixEpoch), Cancellation);
        await Database.HashSetAsync(StoreKeys.Accounts, "broken", "{");

        Assert.Equal("whole", Assert.Single(await accounts.ListAccountsAsync(Cancellation)).Id);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => accounts.FindAccountAsync("broken", Cancellation).AsTask());
        await Eventually.HoldsAsync(async () => await Database.ListLengthAsync(StoreKeys.Unreadable) == 1, Cancellation);
        Assert.Equal("{", await Database.HashGetAsync(StoreKeys.Accounts, "broken"));
        await ToldAsync();
    }

    [Fact]
    public async Task Health_and_doctor_tell_of_what_stands_aside()
    {
        await _store.DisposeAsync();
        var time = new FakeTimeProvider(Time.GetUtcNow());
        _store = await OpenAsync(time);
        await Database.ListRightPushAsync(Keys.Outbox, "no event");

        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(200));
                return _store.Get<IStoreHealth>().Warnings.Any(w => w.StartsWith("1 entries could not be read", StringComparison.Ordinal));
            },
            Cancellation);
    }

    private async Task SetAsideAndGoneOnAsync(string entry)
    {
        await _store.DisposeAsync();
        _store = await OpenAsync();
        var whole = await AcceptAsync();

        Assert.Equal(whole.Id, Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        await Eventually.HoldsAsync(async () => await Database.ListLengthAsync(Keys.Unreadable) == 1, Cancellation);
        Assert.Contains(entry, (await Database.ListGetByIndexAsync(Keys.Unreadable, 0)).ToString(), StringComparison.Ordinal);
        await ToldAsync();
    }

    // What GET /queue shows.
    private async Task ToldAsync() => Assert.Equal(1, (await _store.Reader.MeasureAsync(Cancellation)).Unreadable);

    private async Task<Message> AcceptAsync()
    {
        var message = TestMail.To(Time, "a@x.test");
        Assert.IsType<EnqueueResult.Accepted>(await _store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
        return message;
    }

    private Task<StoreUnderTest> OpenAsync(TimeProvider? time = null) => StoreUnderTest.StartAsync(
        _redis.ConnectionString, _folder, time ?? Time, Cancellation, ("Queue:Partitions", "1"), ("Queue:MissingRecordGrace", "00:00:01"));
}
