using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>What holds for every queue, whatever it keeps mail in.</summary>
public abstract class MailQueueContract : IAsyncLifetime
{
    // Anything that takes longer than this hangs.
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);

    // For a wait that is meant to find nothing.
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(300);

    protected FakeTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

    protected IMailQueue Queue { get; private set; } = null!;

    protected IActivityReader Activity { get; private set; } = null!;

    protected IQueueReader Reader { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => (Queue, Activity, Reader) = await OpenAsync(Time);

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract ValueTask<(IMailQueue, IActivityReader, IQueueReader)> OpenAsync(TimeProvider time);

    protected abstract ValueTask CloseAsync();

    [Fact]
    public async Task An_accepted_message_is_leased_as_it_came()
    {
        var message = TestMail.To(Time, "a@x.test") with
        {
            Mode = MessageMode.Test,
            Class = MessageClass.Bulk,
            Tags = ["one"],
            Metadata = new Dictionary<string, string> { ["order"] = "7" },
            TraceParent = "00-1-2-01",
        };

        await AcceptAsync(message);

        var lease = Assert.Single(await LeaseAsync());
        Assert.Equal(message.Id, lease.Message.Id);
        Assert.Equal(new Lane("x.test", "acme", MessageClass.Bulk), lease.Unit.Lane);
        Assert.Equal(message.Content.Head.ToArray(), lease.Message.Content.Head.ToArray());
        Assert.Equal(message.Content.Prologue.ToArray(), lease.Message.Content.Prologue.ToArray());
        Assert.Equal("00-1-2-01", lease.Message.TraceParent);
        Assert.Null(lease.State);
        Assert.Equal([0], lease.Open);
    }

    [Fact]
    public async Task A_unit_is_leased_once()
    {
        await AcceptAsync(TestMail.To(Time, "a@x.test"));

        Assert.Single(await LeaseAsync());
        await NothingToLeaseAsync();
    }

    [Fact]
    public async Task A_lease_waits_until_mail_comes()
    {
        var waiting = LeaseAsync();
        Assert.False(waiting.IsCompleted);

        await AcceptAsync(TestMail.To(Time, "a@x.test"));

        Assert.Single(await waiting);
    }

    [Fact]
    public async Task Each_domain_of_a_message_is_a_unit_of_its_own()
    {
        await AcceptAsync(TestMail.To(Time, "a@x.test", "b@y.test", "c@x.test"));

        var leases = await LeaseAllAsync(2);
        Assert.Equal(["x.test", "y.test"], leases.Select(l => l.Unit.Lane.Domain).Order());
        Assert.Equal([0, 2], leases.Single(l => l.Unit.Lane.Domain == "x.test").Open);
    }

    [Fact]
    public async Task A_delivered_unit_never_comes_back()
    {
        await AcceptAsync(TestMail.To(Time, "a@x.test"));
        var lease = Assert.Single(await LeaseAsync());

        await SettleAsync(TestMail.Delivered(lease, Time));

        await NothingToLeaseAsync();
        Time.Advance(TimeSpan.FromDays(1));
        await NothingToLeaseAsync();
        Assert.Equal(0, (await Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task A_deferred_unit_comes_back_when_it_is_due_and_not_before()
    {
        await AcceptAsync(TestMail.To(Time, "a@x.test"));
        var lease = Assert.Single(await LeaseAsync());

        await SettleAsync(TestMail.Deferred(lease, Time, TimeSpan.FromSeconds(30)));

        await NothingToLeaseAsync();
        Time.Advance(TimeSpan.FromSeconds(29));
        await NothingToLeaseAsync();
        Time.Advance(TimeSpan.FromSeconds(1));
        var again = Assert.Single(await LeaseAsync());
        Assert.Equal(lease.Id, again.Id);
        Assert.Equal(1, again.Attempts);
        Assert.Equal("451 4.3.0 later", Assert.Single(again.State!.Open).Reply);
    }

    [Fact]
    public async Task Only_the_recipients_still_open_come_back()
    {
        await AcceptAsync(TestMail.To(Time, "a@x.test", "b@x.test"));
        var lease = Assert.Single(await LeaseAsync());
        var next = new UnitState { Attempts = 1, Open = [new OpenRecipient(1, "450 busy")], UncertainHost = "mx.x.test" };

        await SettleAsync(TestMail.Deferred(lease, Time, TimeSpan.FromMinutes(1)) with { Next = next });
        Time.Advance(TimeSpan.FromMinutes(1));

        var again = Assert.Single(await LeaseAsync());
        Assert.Equal([1], again.Open);
        Assert.Equal("mx.x.test", again.State!.UncertainHost);
    }

    [Fact]
    public async Task A_message_for_later_is_told_as_scheduled_and_waits_for_its_time()
    {
        var message = TestMail.To(Time, "a@x.test") with { SendAt = Time.GetUtcNow() + TimeSpan.FromHours(2) };
        await AcceptAsync(message);

        var activity = (await Activity.FindAsync("acme", message.Id, Cancellation))!;
        Assert.Equal([MailEventType.Accepted, MailEventType.Scheduled], activity.Events.Select(e => e.Type));
        Assert.Equal(message.SendAt!.Value.ToUnixTimeMilliseconds(), activity.Events[1].NextAttempt!.Value.ToUnixTimeMilliseconds());
        Assert.Equal(RecipientState.Queued, Assert.Single(activity.Recipients()).State);

        await NothingToLeaseAsync();
        Time.Advance(TimeSpan.FromHours(2));
        Assert.Single(await LeaseAsync());
    }

    [Fact]
    public async Task A_released_unit_is_due_as_it_was()
    {
        await AcceptAsync(TestMail.To(Time, "a@x.test"));
        var lease = Assert.Single(await LeaseAsync());

        Queue.Release(lease);

        var again = Assert.Single(await LeaseAsync());
        Assert.Equal(lease.Id, again.Id);
        Assert.Equal(0, again.Attempts);
    }

    [Fact]
    public async Task Mail_for_a_domain_that_is_new_does_not_wait_behind_all_that_was_refused()
    {
        var (gate, places) = (new Gate(), 0);
        var demand = TestMail.Everything with { ClosedGate = _ => --places >= 0 ? null : gate };
        for (var i = 0; i < 50; i++)
        {
            await AcceptAsync(TestMail.To(Time, $"a@silent{i}.test"));
        }

        await NothingToLeaseAsync(demand);
        var leased = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            await AcceptAsync(TestMail.To(Time, $"a@new{i}.test"));
            await NothingToLeaseAsync(demand);
            places = 1;
            Queue.Open(gate);
            leased.Add(Assert.Single(await LeaseAsync(demand)).Unit.Lane.Domain);
        }

        // Nor does one that was refused wait for ever while others come.
        Assert.Contains(leased, domain => domain.StartsWith("new", StringComparison.Ordinal));
        Assert.Contains(leased, domain => domain.StartsWith("silent", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_lane_behind_a_closed_gate_keeps_its_units_until_it_opens()
    {
        await AcceptAsync(TestMail.To(Time, "a@slow.test"));
        await AcceptAsync(TestMail.To(Time, "a@x.test"));
        var gate = new Gate();
        var picky = TestMail.Everything with { ClosedGate = lane => lane.Domain == "slow.test" ? gate : null };

        Assert.Equal("x.test", Assert.Single(await LeaseAsync(picky)).Unit.Lane.Domain);
        await NothingToLeaseAsync(picky);
        Queue.Open(gate);
        Assert.Equal("slow.test", Assert.Single(await LeaseAsync()).Unit.Lane.Domain);
    }

    [Fact]
    public async Task No_more_is_leased_than_was_asked_for()
    {
        for (var i = 0; i < 5; i++)
        {
            await AcceptAsync(TestMail.To(Time, "a@x.test"));
        }

        Assert.Equal(2, (await LeaseAsync(TestMail.Everything with { MaxUnits = 2 })).Count);
        Assert.Single(await LeaseAsync(TestMail.Everything with { MaxBytes = 1 }));
        Assert.Equal(2, (await LeaseAsync()).Count);
    }

    [Fact]
    public async Task A_long_lane_takes_turns_with_a_short_one()
    {
        for (var i = 0; i < 20; i++)
        {
            await AcceptAsync(TestMail.For(Time, "bulk", "a@x.test"));
        }

        await AcceptAsync(TestMail.For(Time, "small", "a@x.test"));

        var first = await LeaseAsync(TestMail.Everything with { MaxUnits = 2 });
        Assert.Equal(["bulk", "small"], first.Select(l => l.Unit.Lane.Account).Order());
    }

    [Fact]
    public async Task Units_of_a_lane_come_in_the_order_in_which_they_are_due()
    {
        var messages = new List<MessageId>();
        for (var i = 0; i < 5; i++)
        {
            var message = TestMail.To(Time, "a@x.test");
            messages.Add(message.Id);
            await AcceptAsync(message);
            Time.Advance(TimeSpan.FromMilliseconds(5));
        }

        Assert.Equal(messages, (await LeaseAsync()).Select(l => l.Message.Id));
    }

    [Fact]
    public async Task A_key_used_before_enqueues_nothing_and_names_the_first_message()
    {
        var key = new IdempotencyKey("order-7", "fingerprint");
        var first = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, key.SlotFor("acme")) };
        var second = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, key.SlotFor("acme")) };

        Assert.IsType<EnqueueResult.Accepted>(await Queue.EnqueueAsync(first, key, Cancellation));
        var duplicate = Assert.IsType<EnqueueResult.Duplicate>(await Queue.EnqueueAsync(second, key with { Fingerprint = "other" }, Cancellation));

        Assert.Equal(first.Id, duplicate.First);
        Assert.Equal("fingerprint", duplicate.Fingerprint);
        Assert.Equal(first.Id, Assert.Single(await LeaseAsync()).Message.Id);
        await NothingToLeaseAsync();
        Assert.Null(await Activity.FindAsync("acme", second.Id, Cancellation));
    }

    /// <summary>A mail without a key of its client's own is known by all that it has in common with the first; nothing else is compared.</summary>
    [Fact]
    public async Task The_same_mail_again_meets_the_first_and_other_mail_of_its_name_does_not()
    {
        var key = new IdempotencyKey($"mail 1{IdempotencyKey.Besides}body 1", "") { Kept = TimeSpan.FromMinutes(15) };
        var first = await EnqueueAsync(key);
        Assert.IsType<EnqueueResult.Accepted>(first.Result);

        Assert.Equal(new EnqueueResult.Duplicate(first.Id, ""), (await EnqueueAsync(key)).Result);
        Assert.Equal(new EnqueueResult.Duplicate(first.Id, ""), await Queue.FindFirstAsync("acme", key, Cancellation));
        Assert.IsType<EnqueueResult.Accepted>((await EnqueueAsync(key with { Key = $"mail 1{IdempotencyKey.Besides}body 2" })).Result);

        async Task<(MessageId Id, EnqueueResult Result)> EnqueueAsync(IdempotencyKey key)
        {
            var message = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, key.SlotFor("acme")) };
            return (message.Id, await Queue.EnqueueAsync(message, key, Cancellation));
        }
    }

    [Fact]
    public async Task What_a_key_was_used_for_can_be_asked_without_using_it()
    {
        var key = new IdempotencyKey("order-7", "fingerprint");
        Assert.Null(await Queue.FindFirstAsync("acme", key, Cancellation));
        var first = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, key.SlotFor("acme")) };
        Assert.IsType<EnqueueResult.Accepted>(await Queue.EnqueueAsync(first, key, Cancellation));

        Assert.Equal(new EnqueueResult.Duplicate(first.Id, "fingerprint"), await Queue.FindFirstAsync("acme", key with { Fingerprint = "other" }, Cancellation));
        Assert.Null(await Queue.FindFirstAsync("other", key, Cancellation));
    }

    [Fact]
    public async Task The_same_key_of_another_account_is_another_key()
    {
        var key = new IdempotencyKey("order-7", "fingerprint");
        foreach (var account in (string[])["acme", "other"])
        {
            var message = TestMail.For(Time, account, "a@x.test") with { Id = MessageId.Create(Time, key.SlotFor(account)) };
            Assert.IsType<EnqueueResult.Accepted>(await Queue.EnqueueAsync(message, key, Cancellation));
        }

        Assert.Equal(2, (await LeaseAllAsync(2)).Count);
    }

    [Fact]
    public async Task One_of_many_with_the_same_key_at_once_is_accepted()
    {
        var key = new IdempotencyKey("order-7", "fingerprint");
        var results = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Queue.EnqueueAsync(
            TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, key.SlotFor("acme")) }, key, Cancellation).AsTask()));

        Assert.Single(results.OfType<EnqueueResult.Accepted>());
        Assert.Equal(9, results.OfType<EnqueueResult.Duplicate>().Count());
        Assert.Single(await LeaseAsync());
    }

    [Fact]
    public async Task A_report_is_accepted_with_the_settlement_that_causes_it()
    {
        await AcceptAsync(TestMail.To(Time, "a@x.test"));
        var lease = Assert.Single(await LeaseAsync());
        var report = TestMail.To(Time, "sender@acme.test") with
        {
            Id = MessageId.Create(Time, lease.Message.Id.Slot),
            Source = MessageSource.Report,
        };

        await SettleAsync(TestMail.Delivered(lease, Time) with { Reports = [report] });

        var reported = Assert.Single(await LeaseAsync());
        Assert.Equal(report.Id, reported.Message.Id);
        Assert.NotNull(await Activity.FindAsync("acme", report.Id, Cancellation));
    }

    [Fact]
    public async Task Activity_is_there_as_soon_as_mail_is_accepted_or_settled()
    {
        var message = TestMail.To(Time, "a@x.test");
        await AcceptAsync(message);
        var accepted = await Activity.FindAsync("acme", message.Id, Cancellation);
        Assert.Equal([MailEventType.Accepted], accepted!.Events.Select(e => e.Type));
        Assert.Equal("Hello", accepted.Summary.Subject);

        await SettleAsync(TestMail.Delivered(Assert.Single(await LeaseAsync()), Time));

        var delivered = await Activity.FindAsync("acme", message.Id, Cancellation);
        Assert.Equal([MailEventType.Accepted, MailEventType.Delivered], delivered!.Events.Select(e => e.Type));
        Assert.Equal(RecipientState.Delivered, Assert.Single(delivered.Recipients()).State);
    }

    [Fact]
    public async Task No_account_sees_the_activity_of_another()
    {
        var message = TestMail.For(Time, "acme", "a@x.test");
        await AcceptAsync(message);

        Assert.Null(await Activity.FindAsync("other", message.Id, Cancellation));
        Assert.Empty(await Activity.ListAsync("other", null, 10, Cancellation));
    }

    [Fact]
    public async Task Messages_are_listed_newest_first_page_by_page()
    {
        var ids = new List<MessageId>();
        for (var i = 0; i < 7; i++)
        {
            var message = TestMail.To(Time, "a@x.test");
            ids.Insert(0, message.Id);
            await AcceptAsync(message);
            Time.Advance(TimeSpan.FromMilliseconds(2));
        }

        var first = await Activity.ListAsync("acme", null, 4, Cancellation);
        var second = await Activity.ListAsync("acme", first[^1].Id, 4, Cancellation);

        Assert.Equal(ids, first.Concat(second).Select(m => m.Id));
    }

    [Fact]
    public async Task Lanes_are_listed_with_their_depth()
    {
        for (var i = 0; i < 3; i++)
        {
            await AcceptAsync(TestMail.To(Time, "a@x.test"));
        }

        await AcceptAsync(TestMail.For(Time, "other", "a@y.test"));

        var (depth, lanes) = await Reader.LookAsync(null, 10, Cancellation);
        Assert.Equal([("x.test", 3L), ("y.test", 1L)], lanes.Select(l => (l.Lane.Domain, l.Units)));
        Assert.Equal("y.test", Assert.Single((await Reader.LookAsync("other", 10, Cancellation)).Lanes).Lane.Domain);
        Assert.Equal(depth, await Reader.MeasureAsync(Cancellation));
        Assert.True(depth.IsExact);
        Assert.Equal(4, depth.Units);
        Assert.Equal(Time.GetUtcNow().ToUnixTimeMilliseconds(), depth.EarliestDue!.Value.ToUnixTimeMilliseconds());
    }

    [Fact]
    public async Task Many_accepted_leased_and_settled_at_once_are_each_leased_once()
    {
        const int count = 400;
        var accepts = Task.WhenAll(Enumerable.Range(0, 8).Select(async worker =>
        {
            for (var i = worker; i < count; i += 8)
            {
                await AcceptAsync(TestMail.For(Time, $"account{i % 5}", $"a@d{i % 7}.test", $"b@e{i % 3}.test"));
            }
        }));

        var seen = new HashSet<UnitId>();
        while (seen.Count < 2 * count)
        {
            var leases = await LeaseAsync(TestMail.Everything with { MaxUnits = 64 });
            Assert.All(leases, lease => Assert.True(seen.Add(lease.Id), $"{lease.Id} was leased twice"));
            await Task.WhenAll(leases.Select(lease => SettleAsync(TestMail.Delivered(lease, Time))));
        }

        await accepts;
        Assert.Equal(0, (await Reader.MeasureAsync(Cancellation)).Units);
    }

    protected async Task AcceptAsync(Message message) =>
        Assert.IsType<EnqueueResult.Accepted>(await Queue.EnqueueAsync(message, null, Cancellation));

    // A loop of the queue may have read the clock just before a test moved it on; it then waits for a moment that only comes
    // when the clock is moved again. A real one moves by itself.
    protected async Task<IReadOnlyList<Lease>> LeaseAsync(LeaseDemand? demand = null)
    {
        var leasing = Queue.LeaseDueAsync(demand ?? TestMail.Everything, Cancellation).AsTask().WaitAsync(Hang, Cancellation);
        while (await Task.WhenAny(leasing, Task.Delay(TimeSpan.FromSeconds(2), Cancellation)) != leasing)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
        }

        return await leasing;
    }

    protected async Task<IReadOnlyList<Lease>> LeaseAllAsync(int count)
    {
        var leases = new List<Lease>();
        while (leases.Count < count)
        {
            leases.AddRange(await LeaseAsync());
        }

        return leases;
    }

    protected async Task SettleAsync(Settlement settlement) =>
        await Queue.SettleAsync(settlement, Cancellation).AsTask().WaitAsync(Hang, Cancellation);

    protected async Task NothingToLeaseAsync(LeaseDemand? demand = null)
    {
        using var moment = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        moment.CancelAfter(Moment);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => Assert.Empty(await Queue.LeaseDueAsync(demand ?? TestMail.Everything, moment.Token)));
    }
}
