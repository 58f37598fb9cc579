using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Queue;
using Relay.Redis.Steps;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>A step that was done, or comes to be done, though its answer is never seen.</summary>
public sealed class UnansweredStepTests : IAsyncLifetime
{
    private const int MostRemembered = 4_096;

    private static readonly TimeProvider Time = TimeProvider.System;
    private readonly Message _message = TestMail.To(Time, "a@x.test");
    private RedisServer _redis = null!;
    private RedisProxy _proxy = null!;
    private StoreUnderTest _store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        _proxy = new RedisProxy(_redis.Port);
        _store = await StoreUnderTest.StartAsync(_proxy.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _proxy.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task A_step_whose_answer_was_lost_is_not_done_twice()
    {
        await _store.Queue.EnqueueAsync(_message, null, Cancellation);
        var lease = Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());

        _proxy.LoseAnswerTo("EXEC", ":settled");
        await _store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();

        Assert.True(_proxy.Lost.IsCompleted);
        var activity = await _store.Activity.FindAsync("acme", _message.Id, Cancellation);
        Assert.Equal([MailEventType.Accepted, MailEventType.Delivered], activity!.Events.Select(e => e.Type));
    }

    [Fact]
    public async Task An_accept_whose_answer_was_lost_is_taken_back()
    {
        _proxy.LoseAnswerTo("EXEC", $"m:{_message.Id}");
        Assert.IsType<EnqueueResult.StoreUnavailable>(await _store.Queue.EnqueueAsync(_message, null, Cancellation).InTime());

        await Eventually.HoldsAsync(
            async () => (await _store.Activity.FindAsync("acme", _message.Id, Cancellation))?.Events is [.., { Type: MailEventType.Cancelled }], Cancellation);
        Assert.Equal(0, (await _store.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task An_accept_with_a_key_whose_answer_was_lost_is_kept_for_its_senders_next_try()
    {
        var key = new IdempotencyKey("order-1", "print");

        _proxy.LoseAnswerTo("EXEC", $"m:{_message.Id}");
        Assert.IsType<EnqueueResult.StoreUnavailable>(await _store.Queue.EnqueueAsync(_message, key, Cancellation).InTime());

        // The sender comes back, is told of the first, and that one is sent, once.
        EnqueueResult again = null!;
        await Eventually.HoldsAsync(
            async () => (again = await _store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), key, Cancellation).InTime()) is not EnqueueResult.StoreUnavailable, Cancellation);
        Assert.Equal(_message.Id, Assert.IsType<EnqueueResult.Duplicate>(again).First);
        var lease = Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal(_message.Id, lease.Message.Id);
        await _store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        Assert.Equal(
            [MailEventType.Accepted, MailEventType.Delivered],
            (await _store.Activity.FindAsync("acme", _message.Id, Cancellation))!.Events.Select(e => e.Type));
    }

    [Fact]
    public async Task An_accept_that_arrives_after_it_was_taken_back_is_taken_back_again()
    {
        _proxy.HoldRequest("EXEC", $"m:{_message.Id}");
        Assert.IsType<EnqueueResult.StoreUnavailable>(await _store.Queue.EnqueueAsync(_message, null, Cancellation).InTime());

        // The cancelling found nothing.
        await Eventually.HoldsAsync(() => _store.Window.Size.Held == 0, Cancellation);
        await _proxy.DeliverHeldAsync(Cancellation);

        await Eventually.HoldsAsync(
            async () => (await _store.Activity.FindAsync("acme", _message.Id, Cancellation))?.Events is [.., { Type: MailEventType.Cancelled }], Cancellation);
        Assert.Equal(0, (await _store.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task Mail_of_another_node_is_found_though_the_answer_to_its_projecting_step_was_lost()
    {
        // Of this node nobody hears anything: that mail has come stands in the outbox alone.
        await using var mute = new RedisShim(_redis) { Instead = command => command[0] == "PUBLISH" ? ["EXISTS", "anybody"] : null };
        await using var door = await StoreUnderTest.StartAsync(mute.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Roles:0", "intake"));
        _proxy.CutWithAnswer = true;
        _proxy.LoseAnswerTo("EXEC", ":projected");

        Assert.IsType<EnqueueResult.Accepted>(await door.Queue.EnqueueAsync(_message, null, Cancellation).InTime());
        await _proxy.Lost.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal("0", await _redis.AskAsync(Cancellation, "EXISTS", _store.Store.PartitionOf(_message.Id).Keys.Outbox.ToString()));
        _proxy.Mend();

        Assert.Equal(_message.Id, Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    [Fact]
    public async Task An_accept_that_arrives_late_while_too_many_are_taken_back_stays_in_the_queue()
    {
        _proxy.HoldRequest("EXEC", $"m:{_message.Id}");
        Assert.IsType<EnqueueResult.StoreUnavailable>(await _store.Queue.EnqueueAsync(_message, null, Cancellation).InTime());
        await ForgottenAsync();

        // Behind one whose answer may still come.
        var first = GiveUp(TestMail.To(Time, "b@z.test"));
        for (var i = 0; i < MostRemembered + 1; i++)
        {
            GiveUp(TestMail.To(Time, "b@z.test")).Answered(null);
        }

        await _proxy.DeliverHeldAsync(Cancellation);

        Assert.Equal(_message.Id, Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        first.Answered(null);
    }

    [Fact]
    public async Task An_accept_that_arrives_when_too_many_are_remembered_stays_in_the_queue()
    {
        for (var i = 0; i < MostRemembered; i++)
        {
            GiveUp(TestMail.To(Time, "b@z.test"), new IdempotencyKey($"order-{i}", "print")).Answered(null);
            if (i % 1_000 == 0)
            {
                await TakenBackAsync();
            }
        }

        await TakenBackAsync();
        _proxy.HoldRequest("EXEC", $"m:{_message.Id}");
        Assert.IsType<EnqueueResult.StoreUnavailable>(await _store.Queue.EnqueueAsync(_message, null, Cancellation).InTime());
        await ForgottenAsync();
        await _proxy.DeliverHeldAsync(Cancellation);

        Assert.Equal(_message.Id, Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    [Fact]
    public async Task An_accept_with_a_key_that_arrives_late_is_sent_all_the_same()
    {
        _proxy.HoldRequest("EXEC", $"m:{_message.Id}");
        Assert.IsType<EnqueueResult.StoreUnavailable>(
            await _store.Queue.EnqueueAsync(_message, new IdempotencyKey("order-1", "print"), Cancellation).InTime());
        await Eventually.HoldsAsync(() => _store.Window.Size.Held == 0, Cancellation);
        await _proxy.DeliverHeldAsync(Cancellation);

        Assert.Equal(_message.Id, Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    private PendingAccept GiveUp(Message message, IdempotencyKey? key = null)
    {
        var accept = new PendingAccept(_store.Store.PartitionOf(message.Id), new PreparedMessage(message, _store.Store.Mark));
        _store.Get<Canceller>().Cancel(accept, key);
        return accept;
    }

    // Nobody looks at a lane that nothing is known of; as long as something is, all of it is looked at when it goes quiet.
    private Task ForgottenAsync() => Eventually.HoldsAsync(() => _store.Window is { Size.Held: 0, Lanes.Shares: 0 }, Cancellation);

    // And so is all that was given up before.
    private async Task TakenBackAsync()
    {
        var last = TestMail.To(Time, "c@y.test");
        Assert.IsType<EnqueueResult.Accepted>(await _store.Queue.EnqueueAsync(last, null, Cancellation).InTime());
        GiveUp(last).Answered(null);
        await Eventually.HoldsAsync(async () => (await _store.Reader.FindUnitsAsync(last.Id, Cancellation)).Count == 0, Cancellation);
    }
}
