using Microsoft.Extensions.Time.Testing;
using Relay.Feedback.Lists;
using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Feedback.Lists;

public sealed class UnsubscribesTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly InMemorySuppressionStore _suppressions = new();
    private readonly InMemoryIncomingStore _events;
    private readonly Unsubscription _claim;
    private readonly Unsubscribes _unsubscribes;

    public UnsubscribesTests()
    {
        _events = new InMemoryIncomingStore(new InMemoryMailQueue(_time));
        _claim = new Unsubscription("acme", MessageId.Create(_time), "Ada@x.test", "news");
        _unsubscribes = new Unsubscribes(new OptOuts(_suppressions, _events), _events, _time);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ValueTask<Suppression?> HeldAsync(string? stream) => _suppressions.FindAsync("acme", EnvelopeAddress.Parse("ada@x.test"), stream, Cancellation);

    [Fact]
    public async Task It_is_an_event_of_the_mail_and_a_suppression_of_its_stream_at_once()
    {
        await _unsubscribes.TakeAsync(_claim, "one click", Cancellation);

        var happened = Assert.Single(Assert.Single(_events.Tellings).Events);
        Assert.Equal(
            (MailEventType.Unsubscribed, _claim.Message, "acme", "Ada@x.test", "news", "one click"),
            (happened.Type, happened.Message, happened.Account, happened.Recipient, happened.Stream, happened.Reply));
        Assert.Equal((SuppressionReason.Unsubscribe, _claim.Message), ((await HeldAsync("news"))!.Reason, (await HeldAsync("news"))!.Message));
        Assert.Null(await HeldAsync("offers"));
        Assert.Null(await HeldAsync(null));
    }

    [Fact]
    public async Task Twice_is_once()
    {
        await _unsubscribes.TakeAsync(_claim, "one click", Cancellation);
        await _unsubscribes.TakeAsync(_claim, "by mail", Cancellation);

        Assert.Single(_events.Tellings);
    }

    [Fact]
    public async Task Twice_is_once_beside_what_holds_for_all_mail_and_no_other_stream_is_looked_at()
    {
        await _suppressions.AddAsync("acme", [new Suppression { Address = "ada@x.test", Reason = SuppressionReason.Bounce, Since = _time.GetUtcNow() }], Cancellation);

        await _unsubscribes.TakeAsync(_claim, "one click", Cancellation);
        await _unsubscribes.TakeAsync(_claim, "by mail", Cancellation);

        Assert.Single(_events.Tellings);
        Assert.Equal(0, _suppressions.WholeLooks);
    }

    [Fact]
    public async Task Who_came_back_can_go_again()
    {
        await _unsubscribes.TakeAsync(_claim, "one click", Cancellation);
        _time.Advance(TimeSpan.FromMinutes(1));
        await _suppressions.ReleaseAsync("acme", EnvelopeAddress.Parse("ada@x.test"), "news", "key_1", _time.GetUtcNow(), Cancellation);
        _time.Advance(TimeSpan.FromMinutes(1));

        await _unsubscribes.TakeAsync(_claim, "one click", Cancellation);

        Assert.NotNull(await HeldAsync("news"));
    }

    [Fact]
    public async Task What_could_not_be_kept_is_not_said_to_be()
    {
        _events.Refusal = TellResult.StoreUnavailable;

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await _unsubscribes.TakeAsync(_claim, "one click", Cancellation));

        Assert.Null(await HeldAsync("news"));
    }
}
