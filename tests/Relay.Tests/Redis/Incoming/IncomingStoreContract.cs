using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;
using Relay.TestKit.InMemory;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Incoming;

public abstract class IncomingStoreContract : IAsyncLifetime
{
    protected static readonly TimeProvider Time = TimeProvider.System;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected IIncomingStore Store { get; private set; } = null!;
    private protected IMailQueue Queue { get; private set; } = null!;

    public async ValueTask InitializeAsync() => (Store, Queue) = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract ValueTask<(IIncomingStore, IMailQueue)> OpenAsync();

    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_message_is_found_by_its_id_alone_at_once()
    {
        var message = await DeliveredAsync("ann@there.test");

        var found = await Store.FindAsync(message.Id, Cancellation);

        Assert.Equal("acme", found!.Events[0].Account);
        Assert.Equal(RecipientState.Delivered, Assert.Single(found.Recipients()).State);
        Assert.Null(await Store.FindAsync(MessageId.Create(Time), Cancellation));
    }

    [Fact]
    public async Task What_a_report_would_need_outlives_the_record()
    {
        var message = await DeliveredAsync("ann@there.test");

        var terms = (await Store.FindAsync(message.Id, Cancellation))!.Summary.Reports;

        Assert.Equal(("sender@acme.test", "key1", "ENV-1"), (terms!.Sender, terms.Credential, terms.EnvelopeId));
        var told = Assert.Single(terms.Recipients!);
        Assert.Equal((0, DsnNotify.Failure | DsnNotify.Delay, "rfc822;alias@there.test"), (told.Index, told.Notify, told.OriginalRecipient));
    }

    [Fact]
    public async Task What_is_told_is_seen_at_once_and_its_report_goes_out()
    {
        var message = await DeliveredAsync("ann@there.test");
        var report = TestMail.To(Time, "sender@acme.test") with { Id = MessageId.Create(Time, message.Id.Slot), Source = MessageSource.Report };

        Assert.Equal(TellResult.Told, await Store.TellAsync(Bounce(message, report), Cancellation));

        Assert.Equal(RecipientState.Bounced, (await Store.FindAsync(message.Id, Cancellation))!.Recipients()[0].State);
        var lease = Assert.Single(await Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal(report.Id, lease.Message.Id);
    }

    [Fact]
    public async Task It_is_told_once_however_many_tell_it()
    {
        var message = await DeliveredAsync("ann@there.test");
        var tellings = Enumerable.Range(0, 8)
            .Select(_ => Bounce(message, TestMail.To(Time, "sender@acme.test") with { Id = MessageId.Create(Time, message.Id.Slot), Source = MessageSource.Report }));

        var results = await Task.WhenAll(tellings.Select(telling => Store.TellAsync(telling, Cancellation).AsTask()));

        Assert.Single(results, result => result == TellResult.Told);
        Assert.Equal(7, results.Count(result => result == TellResult.ToldBefore));
        Assert.Single((await Store.FindAsync(message.Id, Cancellation))!.Events, e => e.Type == MailEventType.Bounced);
        Assert.Single(await Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
    }

    [Fact]
    public async Task Another_kind_and_another_recipient_are_not_the_same()
    {
        var message = await DeliveredAsync("ann@there.test", "bob@there.test");

        Assert.Equal(TellResult.Told, await Store.TellAsync(Bounce(message), Cancellation));
        Assert.Equal(TellResult.Told, await Store.TellAsync(new Telling(message.Id, [Event(message, MailEventType.Complained, 0)], [], true), Cancellation));
        Assert.Equal(TellResult.Told, await Store.TellAsync(new Telling(message.Id, [Event(message, MailEventType.Bounced, 1)], [], true), Cancellation));

        // Of two that are told together one was told before: neither is written.
        Assert.Equal(
            TellResult.ToldBefore,
            await Store.TellAsync(new Telling(message.Id, [Event(message, MailEventType.Complained, 1), Event(message, MailEventType.Bounced, 1)], [], true), Cancellation));
        Assert.DoesNotContain((await Store.FindAsync(message.Id, Cancellation))!.Events, e => e.Type == MailEventType.Complained && e.Recipient == "bob@there.test");
    }

    [Fact]
    public async Task What_is_kept_aside_is_the_newest_of_it()
    {
        for (var n = 0; n < AsideMail.Most + 3; n++)
        {
            await Store.KeepAsideAsync(Aside(n), Cancellation);
        }

        var kept = await Store.ListAsideAsync(Cancellation);

        Assert.Equal(AsideMail.Most, kept.Count);
        Assert.Equal($"reason {AsideMail.Most + 2}", kept[0].Reason);
        Assert.Equal("reason 3", kept[^1].Reason);
        Assert.Equal([1, 2, 3, 0, 255], kept[0].Content);
    }

    [Fact]
    public async Task What_anybody_may_send_does_not_push_out_what_came_back_to_a_message()
    {
        var message = await DeliveredAsync("ada@there.test");
        await Store.KeepAsideAsync(Aside(0) with { About = message.Id }, Cancellation);
        for (var n = 1; n < AsideMail.Most + 3; n++)
        {
            await Store.KeepAsideAsync(Aside(n) with { About = null }, Cancellation);
        }

        var kept = await Store.ListAsideAsync(Cancellation);

        Assert.Equal(AsideMail.Most + 1, kept.Count);
        Assert.Equal("reason 0", Assert.Single(kept, mail => mail.About == message.Id).Reason);
    }

    protected async Task<Message> DeliveredAsync(params string[] recipients)
    {
        var plain = TestMail.To(Time, recipients);
        var message = plain with
        {
            ReportsFailures = true,
            ReturnPath = EnvelopeAddress.Parse("token@bounce.acme.test"),
            Envelope = plain.Envelope with
            {
                EnvelopeId = "ENV-1",
                Recipients =
                [
                    plain.Envelope.Recipients[0] with { Notify = DsnNotify.Failure | DsnNotify.Delay, OriginalRecipient = "rfc822;alias@there.test" },
                    .. plain.Envelope.Recipients.Skip(1),
                ],
            },
        };
        Assert.IsType<EnqueueResult.Accepted>(await Queue.EnqueueAsync(message, null, Cancellation));
        foreach (var lease in await Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime())
        {
            await Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        }

        return message;
    }

    protected static Telling Bounce(Message message, params Message[] reports) => new(message.Id, [Event(message, MailEventType.Bounced, 0)], reports, true);

    protected static MailEvent Event(Message message, MailEventType type, int recipient) => new()
    {
        Time = Time.GetUtcNow(),
        Type = type,
        Message = message.Id,
        Account = message.Account,
        Recipient = message.Envelope.Recipients[recipient].Address.Text,
        Reply = "550 5.1.1 gone",
        Suppresses = type == MailEventType.Bounced ? true : null,
    };

    private static AsideMail Aside(int n) => new()
    {
        Id = MessageId.Create(Time),
        Time = Time.GetUtcNow(),
        Reason = $"reason {n}",
        Recipient = "token@bounce.acme.test",
        Sender = "",
        Client = "192.0.2.1",
        Length = 5,
        Content = [1, 2, 3, 0, 255],
    };
}

public sealed class InMemoryIncomingStoreTests : IncomingStoreContract
{
    protected override ValueTask<(IIncomingStore, IMailQueue)> OpenAsync()
    {
        var queue = new InMemoryMailQueue(Time);
        return new((new InMemoryIncomingStore(queue), queue));
    }
}

public sealed class EmbeddedIncomingStoreTests : IncomingStoreContract
{
    private readonly string _folder = StoreUnderTest.NewFolder();
    private StoreUnderTest? _store;

    protected override async ValueTask<(IIncomingStore, IMailQueue)> OpenAsync()
    {
        _store = await StoreUnderTest.StartAsync(null, _folder, Time, Cancellation);
        return (_store.Get<IIncomingStore>(), _store.Queue);
    }

    protected override ValueTask CloseAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task What_was_told_is_there_after_a_restart_and_its_report_still_goes_out()
    {
        var message = await DeliveredAsync("ann@there.test");
        var report = TestMail.To(Time, "sender@acme.test") with { Id = MessageId.Create(Time, message.Id.Slot), Source = MessageSource.Report };
        Assert.Equal(TellResult.Told, await Store.TellAsync(Bounce(message, report), Cancellation));

        await _store!.DisposeAsync();
        _store = await StoreUnderTest.StartAsync(null, _folder, Time, Cancellation);

        Assert.Equal(RecipientState.Bounced, (await _store.Get<IIncomingStore>().FindAsync(message.Id, Cancellation))!.Recipients()[0].State);
        Assert.Equal(report.Id, Assert.Single(await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }
}

public sealed class RedisIncomingStoreTests : IncomingStoreContract
{
    private RedisServer? _redis;
    private StoreUnderTest? _store;

    protected override async ValueTask<(IIncomingStore, IMailQueue)> OpenAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        _store = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        return (_store.Get<IIncomingStore>(), _store.Queue);
    }

    protected override async ValueTask CloseAsync()
    {
        await (_store?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_redis?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Fact]
    public async Task A_bounce_that_blames_the_address_suppresses_it()
    {
        var message = await DeliveredAsync("ann@there.test");
        await Store.TellAsync(Bounce(message), Cancellation);

        var suppressions = _store!.Get<ISuppressionStore>();
        await Eventually.HoldsAsync(async () => (await suppressions.ListAsync("acme", null, 10, Cancellation)).Items is [{ Address: "ann@there.test" }], Cancellation);
    }

    [Fact]
    public async Task A_complaint_suppresses_the_stream_that_it_is_about()
    {
        var message = await DeliveredAsync("ann@there.test");
        await Store.TellAsync(new Telling(message.Id, [Event(message, MailEventType.Complained, 0) with { Stream = "weekly" }], [], true), Cancellation);

        var suppressions = _store!.Get<ISuppressionStore>();
        var ann = EnvelopeAddress.Parse("ann@there.test");
        await Eventually.HoldsAsync(async () => await suppressions.FindAsync("acme", ann, "weekly", Cancellation) is { Reason: SuppressionReason.Complaint }, Cancellation);
        Assert.Null(await suppressions.FindAsync("acme", ann, null, Cancellation));
    }

    [Fact]
    public async Task What_was_told_stays_told_when_its_activity_has_taken_it_up()
    {
        var message = await DeliveredAsync("ann@there.test");
        await Store.TellAsync(Bounce(message), Cancellation);
        var outbox = _store!.Store.PartitionOf(message.Id).Keys.Outbox;
        await Eventually.HoldsAsync(async () => await _store.Connections.Reading.ListLengthAsync(outbox) == 0, Cancellation);

        Assert.Equal(TellResult.ToldBefore, await Store.TellAsync(Bounce(message), Cancellation));
        Assert.Equal(RecipientState.Bounced, (await Store.FindAsync(message.Id, Cancellation))!.Recipients()[0].State);
    }

    [Fact]
    public async Task Of_a_message_that_is_forgotten_nothing_stays_for_ever()
    {
        var forgotten = TestMail.To(Time, "ann@there.test");

        Assert.Equal(TellResult.Told, await Store.TellAsync(new Telling(forgotten.Id, [Event(forgotten, MailEventType.Unsubscribed, 0)], [], true), Cancellation));

        var ended = _store!.Store.PartitionOf(forgotten.Id).Keys.Ended;
        await Eventually.HoldsAsync(async () => await _store.Connections.Reading.SortedSetScoreAsync(ended, $"{forgotten.Id} acme") is not null, Cancellation);
    }
}
