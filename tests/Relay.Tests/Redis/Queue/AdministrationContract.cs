using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>What holds for the administration of every queue, whatever it keeps mail in.</summary>
public abstract class AdministrationContract : IAsyncLifetime
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    protected FakeTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

    private protected QueueUnderAdministration Under { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private IMailQueue Queue => Under.Queue;

    public async ValueTask InitializeAsync() => Under = await OpenAsync(Time);

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    private protected abstract ValueTask<QueueUnderAdministration> OpenAsync(FakeTimeProvider time);

    protected abstract ValueTask CloseAsync();


    [Theory]
    [InlineData("domain", "acme@y.test other@y.test")]
    [InlineData("account", "other@x.test other@y.test")]
    [InlineData("lane", "acme@y.test bulk@x.test other@x.test other@y.test")]
    [InlineData("class", "acme@x.test acme@y.test other@x.test other@y.test")]
    [InlineData("message", "acme@y.test bulk@x.test other@x.test other@y.test")]
    public async Task What_is_suspended_is_not_leased_and_all_else_is(string what, string flows)
    {
        var first = await AcceptAsync("acme", "acme@x.test");
        await AcceptAsync("acme", "acme@y.test");
        await AcceptAsync("acme", "bulk@x.test", MessageClass.Bulk);
        await AcceptAsync("other", "other@x.test");
        await AcceptAsync("other", "other@y.test");
        var wanted = flows.Split(' ');

        await SuspendAsync(what switch
        {
            "domain" => new QueueSelector { Domain = "x.test" },
            "account" => new QueueSelector { Account = "acme" },
            "lane" => new QueueSelector { Domain = "x.test", Account = "acme", Class = MessageClass.Transactional },
            "class" => new QueueSelector { Class = MessageClass.Bulk },
            _ => new QueueSelector { Message = first.Id },
        });

        Assert.Equal(wanted, (await LeaseAllAsync(wanted.Length)).Select(RecipientOf).Order());
        await NothingToLeaseAsync();
        Assert.Equal(5, (await Under.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task Mail_accepted_while_its_lane_is_suspended_waits_and_flows_again_at_the_end()
    {
        var suspension = await SuspendAsync(new QueueSelector { Domain = "x.test" });
        await AcceptAsync("acme", "a@x.test");
        await NothingToLeaseAsync();

        Assert.True(await Under.Suspensions.RemoveAsync(suspension.Id, Cancellation));

        Assert.Equal("a@x.test", RecipientOf(Assert.Single(await LeaseAsync())));
        Assert.False(await Under.Suspensions.RemoveAsync(suspension.Id, Cancellation));
        Assert.Empty(await Under.Suspensions.ListAsync(Cancellation));
    }

    [Fact]
    public async Task A_suspension_ends_by_itself_at_its_time()
    {
        await AcceptAsync("acme", "a@x.test");
        await SuspendAsync(new QueueSelector { Domain = "x.test" }, until: Time.GetUtcNow() + TimeSpan.FromHours(1));
        await NothingToLeaseAsync();
        Time.Advance(TimeSpan.FromMinutes(59));
        await NothingToLeaseAsync();

        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Single(await LeaseWhileTimePassesAsync());
        Assert.Empty(await Under.Suspensions.ListAsync(Cancellation));
    }

    [Fact]
    public async Task Of_two_suspensions_each_holds_until_it_is_lifted()
    {
        await AcceptAsync("acme", "a@x.test");
        var domain = await SuspendAsync(new QueueSelector { Domain = "x.test" });
        var account = await SuspendAsync(new QueueSelector { Account = "acme" });

        await Under.Suspensions.RemoveAsync(domain.Id, Cancellation);
        await NothingToLeaseAsync();
        await Under.Suspensions.RemoveAsync(account.Id, Cancellation);

        Assert.Single(await LeaseAsync());
    }

    [Fact]
    public async Task A_leased_unit_may_not_begin_once_it_is_suspended_and_waits_when_it_is_released()
    {
        await AcceptAsync("acme", "a@x.test");
        var lease = Assert.Single(await LeaseAsync());
        Assert.True(Queue.TryBegin(lease));

        var suspension = await SuspendAsync(new QueueSelector { Account = "acme" });
        Assert.False(Queue.TryBegin(lease));
        Queue.Release(lease);

        await NothingToLeaseAsync();
        await Under.Suspensions.RemoveAsync(suspension.Id, Cancellation);
        Assert.Single(await LeaseAsync());
    }

    [Fact]
    public async Task A_cancelled_message_ends_with_an_event_for_each_recipient_that_says_who_and_why()
    {
        var message = await AcceptAsync("acme", ["a@x.test", "b@y.test"]);

        var answer = await AskAsync(AskKind.Cancel, new QueueSelector { Message = message.Id }, "sent by mistake");

        Assert.True(answer.IsDone);
        Assert.Equal(2, answer.Units);
        var activity = (await Under.Activity.FindAsync("acme", message.Id, Cancellation))!;
        Assert.All(activity.Recipients(), r => Assert.Equal(RecipientState.Cancelled, r.State));
        var cancelled = activity.Events.Where(e => e.Type == MailEventType.Cancelled).ToList();
        Assert.Equal(2, cancelled.Count);
        Assert.All(cancelled, e => Assert.Equal(("sent by mistake", AskedEnd.CancelRule, "key_1"), (e.Reply, e.Rule, e.By)));
        await NothingToLeaseAsync();
        Assert.Equal(0, (await Under.Reader.MeasureAsync(Cancellation)).Units);
    }

    /// <summary>Else who takes a mail back and sends it again is told of the first, and nothing is sent.</summary>
    [Theory]
    [InlineData("a@x.test")]
    [InlineData("a@x.test", "b@y.test")]
    public async Task A_mail_that_was_cancelled_is_sent_when_it_comes_again_and_then_known_as_before(params string[] recipients)
    {
        var key = new IdempotencyKey($"mail 1{IdempotencyKey.Besides}body 1", "") { Kept = TimeSpan.FromMinutes(15) };
        var (first, accepted) = await EnqueueAsync(key, recipients);
        Assert.IsType<EnqueueResult.Accepted>(accepted);
        Assert.Equal(new EnqueueResult.Duplicate(first, ""), (await EnqueueAsync(key, recipients)).Result);

        Assert.True((await AskAsync(AskKind.Cancel, new QueueSelector { Message = first })).IsDone);

        var (second, again) = await EnqueueAsync(key, recipients);
        Assert.IsType<EnqueueResult.Accepted>(again);
        Assert.Equal(new EnqueueResult.Duplicate(second, ""), (await EnqueueAsync(key, recipients)).Result);
        Assert.All(await LeaseAllAsync(recipients.Length), lease => Assert.Equal(second, lease.Message.Id));
        await NothingToLeaseAsync();
    }

    /// <summary>What its key was answered is the answer for as long as the key is kept. And what did not end by being cancelled has been sent.</summary>
    [Theory]
    [InlineData("order-7", AskKind.Cancel)]
    [InlineData("mail 1\tbody 1", AskKind.Bounce)]
    public async Task A_mail_whose_client_gave_a_key_and_one_that_was_bounced_are_known_when_they_come_again(string name, AskKind end)
    {
        var key = new IdempotencyKey(name, "");
        var (first, _) = await EnqueueAsync(key, "a@x.test");

        Assert.True((await AskAsync(end, new QueueSelector { Message = first })).IsDone);

        Assert.Equal(new EnqueueResult.Duplicate(first, ""), (await EnqueueAsync(key, "a@x.test")).Result);
    }

    [Fact]
    public async Task A_mail_of_which_a_part_was_delivered_last_is_known_when_it_comes_again()
    {
        var key = new IdempotencyKey($"mail 1{IdempotencyKey.Besides}body 1", "");
        var (first, _) = await EnqueueAsync(key, "a@x.test", "b@y.test");
        var leases = await LeaseAllAsync(2);
        var begun = leases.Single(l => l.Unit.Lane.Domain == "x.test");
        Assert.True(await Queue.TryBeginDotAsync(begun, "mx.x.test", Cancellation));
        Queue.Release(leases.Single(l => l.Unit.Lane.Domain == "y.test"));
        Assert.Equal(1, (await AskAsync(AskKind.Cancel, new QueueSelector { Message = first })).Units);

        await SettleAsync(TestMail.Delivered(begun, Time));

        Assert.Equal(new EnqueueResult.Duplicate(first, ""), (await EnqueueAsync(key, "a@x.test", "b@y.test")).Result);
    }

    [Fact]
    public async Task Cancelling_what_ended_changes_nothing()
    {
        var message = await AcceptAsync("acme", "a@x.test");
        await SettleAsync(TestMail.Delivered(Assert.Single(await LeaseAsync()), Time));

        var answer = await AskAsync(AskKind.Cancel, new QueueSelector { Message = message.Id });

        Assert.True(answer.IsDone);
        Assert.Equal(0, answer.Units);
        Assert.Equal(RecipientState.Delivered, Assert.Single((await Under.Activity.FindAsync("acme", message.Id, Cancellation))!.Recipients()).State);
    }

    [Fact]
    public async Task What_is_past_its_dot_is_left_alone_and_named()
    {
        var message = await AcceptAsync("acme", ["a@x.test", "b@y.test"]);
        var leases = await LeaseAllAsync(2);
        var begun = leases.Single(l => l.Unit.Lane.Domain == "x.test");
        Assert.True(await Queue.TryBeginDotAsync(begun, "mx.x.test", Cancellation));
        Queue.Release(leases.Single(l => l.Unit.Lane.Domain == "y.test"));

        var answer = await AskAsync(AskKind.Cancel, new QueueSelector { Message = message.Id });

        Assert.True(answer.IsDone);
        Assert.Equal(1, answer.Units);
        Assert.Equal([begun.Id], answer.InProgress);
        await SettleAsync(TestMail.Delivered(begun, Time));
        var recipients = (await Under.Activity.FindAsync("acme", message.Id, Cancellation))!.Recipients();
        Assert.Equal([RecipientState.Delivered, RecipientState.Cancelled], recipients.Select(r => r.State));
    }

    [Fact]
    public async Task What_is_leased_and_not_begun_is_cancelled_when_it_comes_back()
    {
        var message = await AcceptAsync("acme", "a@x.test");
        var lease = Assert.Single(await LeaseAsync());
        var asked = AskAsync(AskKind.Cancel, new QueueSelector { Message = message.Id });
        await Eventually.HoldsAsync(() => !Queue.TryBegin(lease), Cancellation);

        Queue.Release(lease);

        Assert.Equal(1, (await PassingTimeAsync(asked)).Units);
        await NothingToLeaseAsync();
    }

    [Fact]
    public async Task What_is_being_tried_is_cancelled_after_an_attempt_that_put_it_off()
    {
        var message = await AcceptAsync("acme", "a@x.test");
        var lease = Assert.Single(await LeaseAsync());
        var asked = AskAsync(AskKind.Cancel, new QueueSelector { Message = message.Id });
        await Eventually.HoldsAsync(() => !Queue.TryBegin(lease), Cancellation);

        await SettleAsync(TestMail.Deferred(lease, Time, TimeSpan.FromMinutes(1)));

        Assert.Equal(1, (await PassingTimeAsync(asked)).Units);
        Assert.Equal(0, (await Under.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task A_bounce_ends_all_that_its_preview_named_and_nothing_else()
    {
        for (var i = 0; i < 30; i++)
        {
            await AcceptAsync("acme", $"a{i}@x.test");
        }

        await AcceptAsync("acme", "a@y.test");
        await AcceptAsync("other", "a@x.test");
        var selector = new QueueSelector { Account = "acme", Domain = "x.test" };

        var preview = await Under.Administration.PreviewAsync(selector, AskKind.Bounce, 10, Cancellation);
        var answer = await AskAsync(AskKind.Bounce, selector, "the customer left");

        Assert.Equal((30, true), (preview.Units, preview.IsExact));
        Assert.Equal(10, preview.First.Count);
        Assert.Equal("x.test", Assert.Single(preview.Lanes).Lane.Domain);
        Assert.Equal(30, answer.Units);
        var events = (await Under.Activity.FindAsync("acme", preview.First[0].Id.Message, Cancellation))!.Events;
        Assert.Equal([MailEventType.Accepted, MailEventType.Bounced], events.Select(e => e.Type));
        Assert.Equal(("the customer left", AskedEnd.BounceRule, "key_1"), (events[1].Reply, events[1].Rule, events[1].By));
        Assert.Equal(2, (await LeaseAllAsync(2)).Count);
        await NothingToLeaseAsync();
    }

    [Fact]
    public async Task What_was_put_off_is_bounced_and_tells_whether_it_may_have_arrived()
    {
        var message = await AcceptAsync("acme", "a@x.test");
        var lease = Assert.Single(await LeaseAsync());
        var deferred = TestMail.Deferred(lease, Time, TimeSpan.FromHours(1));
        await SettleAsync(deferred with
        {
            Next = deferred.Next! with { UncertainHost = "mx.x.test", Open = [.. deferred.Next.Open.Select(r => r with { MayHaveBeenDelivered = true })] },
        });

        await AskAsync(AskKind.Bounce, new QueueSelector { Domain = "x.test" }, "gone");

        var ended = (await Under.Activity.FindAsync("acme", message.Id, Cancellation))!.Events[^1];
        Assert.Equal((MailEventType.Bounced, true), (ended.Type, ended.MayHaveBeenDelivered));
    }

    [Fact]
    public async Task A_retry_makes_due_what_was_put_off_and_nothing_that_is_for_later()
    {
        await AcceptAsync("acme", "a@x.test");
        await SettleAsync(TestMail.Deferred(Assert.Single(await LeaseAsync()), Time, TimeSpan.FromHours(4)));
        Assert.IsType<EnqueueResult.Accepted>(await Queue.EnqueueAsync(
            TestMail.To(Time, "later@x.test") with { SendAt = Time.GetUtcNow() + TimeSpan.FromHours(2) }, null, Cancellation));
        var selector = new QueueSelector { Domain = "x.test" };
        await NothingToLeaseAsync();

        var preview = await Under.Administration.PreviewAsync(selector, AskKind.Retry, 10, Cancellation);
        var answer = await AskAsync(AskKind.Retry, selector);

        Assert.Equal("a@x.test", Assert.Single(Assert.Single(preview.First).Recipients));
        Assert.Equal((1L, 1L), (preview.Units, answer.Units));
        var again = Assert.Single(await LeaseAsync());
        Assert.Equal(("a@x.test", 1), (RecipientOf(again), again.Attempts));
        await NothingToLeaseAsync();
    }

    [Fact]
    public async Task Mail_accepted_after_the_ask_is_not_meant()
    {
        await AcceptAsync("acme", "a@x.test");
        var asked = Time.GetUtcNow();
        Time.Advance(TimeSpan.FromSeconds(1));
        await AcceptAsync("acme", "later@x.test");

        var answer = await AskAsync(AskKind.Bounce, new QueueSelector { Domain = "x.test" }, "gone", asked);

        Assert.Equal(1, answer.Units);
        Assert.Equal("later@x.test", RecipientOf(Assert.Single(await LeaseAsync())));
    }

    [Fact]
    public async Task Units_of_a_lane_are_listed_page_by_page_as_they_are_due()
    {
        for (var i = 0; i < 7; i++)
        {
            await AcceptAsync("acme", $"a{i}@x.test");
            Time.Advance(TimeSpan.FromMilliseconds(i % 2));
        }

        var lane = new Lane("x.test", "acme", MessageClass.Transactional);
        var seen = new List<WaitingUnit>();
        IReadOnlyList<WaitingUnit> page;
        do
        {
            page = await Under.Reader.ListUnitsAsync(lane, seen.Count == 0 ? null : seen[^1].Position, 3, Cancellation);
            seen.AddRange(page);
        }
        while (page.Count > 0);

        Assert.Equal(7, seen.Select(u => u.Id).Distinct().Count());
        Assert.Equal(7, seen.Count);
        Assert.Equal(seen.Select(u => u.DueAt).Order(), seen.Select(u => u.DueAt));
        Assert.All(seen, u => Assert.Single(u.Recipients));
        Assert.Equal(7, (await Under.Reader.FindLaneAsync(lane, Cancellation))!.Units);
        Assert.Null(await Under.Reader.FindLaneAsync(lane with { Domain = "z.test" }, Cancellation));
    }

    [Fact]
    public async Task A_messages_units_tell_their_due_time_attempts_and_last_reply()
    {
        var message = await AcceptAsync("acme", ["a@x.test", "b@x.test", "c@y.test"]);
        var leases = await LeaseAllAsync(2);
        await SettleAsync(TestMail.Delivered(leases.Single(l => l.Unit.Lane.Domain == "y.test"), Time));
        await SettleAsync(TestMail.Deferred(leases.Single(l => l.Unit.Lane.Domain == "x.test"), Time, TimeSpan.FromMinutes(5)));

        var unit = Assert.Single(await Under.Reader.FindUnitsAsync(message.Id, Cancellation));

        Assert.Equal(["a@x.test", "b@x.test"], unit.Recipients);
        Assert.Equal(1, unit.State!.Attempts);
        Assert.Equal("451 4.3.0 later", unit.State.Open[0].Reply);
        Assert.Equal((Time.GetUtcNow() + TimeSpan.FromMinutes(5)).ToUnixTimeMilliseconds(), unit.DueAt.ToUnixTimeMilliseconds());
        Assert.True((await Under.Reader.FindOwnerAsync(message.Id, Cancellation))!.IsHere);
    }

    [Fact]
    public async Task A_messages_units_tell_whether_a_test_key_sent_it()
    {
        var live = await AcceptAsync("acme", "a@x.test");
        var test = TestMail.For(Time, "acme", "b@x.test") with { Mode = MessageMode.Test };
        await Queue.EnqueueAsync(test, null, Cancellation);

        Assert.Equal(MessageMode.Live, Assert.Single(await Under.Reader.FindUnitsAsync(live.Id, Cancellation)).Mode);
        Assert.Equal(MessageMode.Test, Assert.Single(await Under.Reader.FindUnitsAsync(test.Id, Cancellation)).Mode);
        Assert.Equal(2, (await Under.Reader.ListUnitsAsync(new Lane("x.test", "acme", MessageClass.Transactional), null, 10, Cancellation)).Select(u => u.Mode).Distinct().Count());
    }

    protected async Task<Message> AcceptAsync(string account, string[] recipients, MessageClass @class = MessageClass.Transactional)
    {
        var message = TestMail.For(Time, account, recipients) with { Class = @class };
        Assert.IsType<EnqueueResult.Accepted>(await Queue.EnqueueAsync(message, null, Cancellation));
        return message;
    }

    protected Task<Message> AcceptAsync(string account, string recipient, MessageClass @class = MessageClass.Transactional) =>
        AcceptAsync(account, [recipient], @class);

    private async Task<(MessageId Id, EnqueueResult Result)> EnqueueAsync(IdempotencyKey key, params string[] recipients)
    {
        var message = TestMail.To(Time, recipients) with { Id = MessageId.Create(Time, key.SlotFor("acme")) };
        return (message.Id, await Queue.EnqueueAsync(message, key, Cancellation).AsTask().WaitAsync(Hang, Cancellation));
    }

    protected Task<AskAnswer> AskAsync(AskKind kind, QueueSelector selector, string reason = "", DateTimeOffset? at = null) =>
        Under.Administration.AskAsync(
            new QueueAsk { Id = Guid.NewGuid().ToString("n"), Kind = kind, Selector = selector, Reason = reason, By = "key_1", AskedAt = at ?? Time.GetUtcNow() },
            Patience,
            Cancellation).AsTask().WaitAsync(Hang, Cancellation);

    private async Task<Suspension> SuspendAsync(QueueSelector selector, DateTimeOffset? until = null)
    {
        var suspension = new Suspension
        {
            Id = $"sus_{Guid.NewGuid():n}", Selector = selector, Reason = "maintenance", By = "admin", CreatedAt = Time.GetUtcNow(), Until = until,
        };
        Assert.True(await Under.Suspensions.TryAddAsync(suspension, Cancellation));
        Assert.Contains(suspension, await Under.Suspensions.ListAsync(Cancellation));
        return suspension;
    }

    private Task<IReadOnlyList<Lease>> LeaseAsync() => Queue.LeaseDueAsync(TestMail.Everything, Cancellation).AsTask().WaitAsync(Hang, Cancellation);

    private async Task<IReadOnlyList<Lease>> LeaseAllAsync(int count)
    {
        var leases = new List<Lease>();
        while (leases.Count < count)
        {
            leases.AddRange(await LeaseAsync());
        }

        return leases;
    }

    private Task<IReadOnlyList<Lease>> LeaseWhileTimePassesAsync() => PassingTimeAsync(LeaseAsync());

    // It moves too little to matter.
    private Task<T> PassingTimeAsync<T>(Task<T> task) => new ValueTask<T>(task).WhilePassing(Time, TimeSpan.FromMilliseconds(10), Cancellation);

    private async Task SettleAsync(Settlement settlement) => await Queue.SettleAsync(settlement, Cancellation).AsTask().WaitAsync(Hang, Cancellation);

    private async Task NothingToLeaseAsync()
    {
        using var moment = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        moment.CancelAfter(Moment);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => Assert.Empty(await Queue.LeaseDueAsync(TestMail.Everything, moment.Token)));
    }

    private static string RecipientOf(Lease lease) => lease.Message.Envelope.Recipients[lease.Open[0]].Address.Text;
}

internal sealed record QueueUnderAdministration(
    IMailQueue Queue, IActivityReader Activity, IQueueReader Reader, IQueueAdministration Administration, ISuspensions Suspensions);
