using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Keys;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Inbox;

/// <summary>How many octets an inbox takes is known without looking at each mail, and is right whatever happens.</summary>
public sealed class InboxRoomTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private RedisServer _redis = null!;
    private RedisProxy _proxy = null!;
    private StoreUnderTest _store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private IInbox Inbox => _store.Get<IInbox>();

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation, "everysec");
        _proxy = new RedisProxy(_redis.Port);
        _store = await StoreUnderTest.StartAsync(_proxy.ConnectionString, StoreUnderTest.NewFolder(), _time, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _proxy.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task No_mail_that_is_captured_makes_it_look_at_each()
    {
        await CaptureAsync(MailOf(10));
        await _store.Connections.Primaries().Single().ExecuteAsync("CONFIG", "RESETSTAT");

        for (var n = 0; n < 5; n++)
        {
            await CaptureAsync(MailOf(10));
        }

        var asked = (await _store.Connections.Primaries().Single().InfoRawAsync("commandstats"))!;
        Assert.Contains("cmdstat_incrby", asked, StringComparison.Ordinal);
        Assert.DoesNotContain("cmdstat_hvals", asked, StringComparison.Ordinal);
        Assert.DoesNotContain("cmdstat_hgetall", asked, StringComparison.Ordinal);
        await IsRightAsync(6);
    }

    [Fact]
    public async Task Two_relays_that_capture_and_remove_the_same_mail_at_once_count_each_once()
    {
        await using var other = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), _time, Cancellation);
        var mails = Enumerable.Range(0, 30).Select(MailOf).ToList();
        await Task.WhenAll(mails.SelectMany(mail => (IInbox[])[Inbox, other.Get<IInbox>()], (mail, inbox) => inbox.CaptureAsync(mail, Cancellation).AsTask()));
        await IsRightAsync(30);

        _time.Advance(TimeSpan.FromDays(8));
        var more = Enumerable.Range(0, 5).Select(MailOf).ToList();
        await Task.WhenAll(more.SelectMany(mail => (IInbox[])[Inbox, other.Get<IInbox>()], (mail, inbox) => inbox.CaptureAsync(mail, Cancellation).AsTask()));
        await IsRightAsync(5);
    }

    [Fact]
    public async Task What_is_captured_again_since_nobody_heard_that_it_was_counts_once()
    {
        await CaptureAsync(MailOf(10));
        var mail = MailOf(20);
        _proxy.LoseAnswerTo("EXEC", ":octets");
        await Assert.ThrowsAsync<StoreUnavailableException>(() => CaptureAsync(mail));
        await _proxy.Lost.WaitAsync(Cancellation);

        await Eventually.HoldsAsync(
            async () =>
            {
                await CaptureAsync(mail);
                return true;
            },
            Cancellation);

        await IsRightAsync(2);
    }

    [Fact]
    public async Task Where_the_total_is_missing_or_says_too_much_it_is_counted_anew()
    {
        await CaptureAsync(MailOf(10));
        await CaptureAsync(MailOf(20));
        await _store.Connections.Reading.KeyDeleteAsync(StoreKeys.InboxOctets("acme"));
        await CaptureAsync(MailOf(30));
        await IsRightAsync(3);

        await _store.Connections.Reading.StringIncrementAsync(StoreKeys.InboxOctets("acme"), IInbox.MostOctets);
        await CaptureAsync(MailOf(40));
        await IsRightAsync(4);
    }

    [Fact]
    public async Task What_a_relay_that_knows_of_no_total_has_added_is_counted_by_the_next_that_starts()
    {
        await CaptureAsync(MailOf(10));
        await CaptureAsync(MailOf(20));
        await _store.Connections.Reading.StringDecrementAsync(StoreKeys.InboxOctets("acme"), 15);

        await using var after = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), _time, Cancellation);
        await after.Get<IInbox>().CaptureAsync(MailOf(30), Cancellation);
        await IsRightAsync(3);
    }

    [Fact]
    public async Task A_relay_that_others_come_before_time_and_again_captures_all_the_same()
    {
        await using var shim = new RedisShim(_redis);
        await using var far = await StoreUnderTest.StartAsync(shim.ConnectionString, StoreUnderTest.NewFolder(), _time, Cancellation);
        await CaptureAsync(MailOf(10));
        var left = 50;
        shim.Instead = command => command is ["EXISTS", var key] && key == StoreKeys.InboxOctets("acme").ToString() && Interlocked.Decrement(ref left) >= 0
            ? ["EXISTS", "relay:nothing"]
            : null;

        await far.Get<IInbox>().CaptureAsync(MailOf(20), Cancellation);

        Assert.InRange(left, int.MinValue, 0);
        await IsRightAsync(2);
    }

    [Fact]
    public async Task A_relay_that_others_come_before_every_time_gives_up_and_captures_the_mail_when_it_is_tried_again()
    {
        await using var shim = new RedisShim(_redis);
        await using var far = await StoreUnderTest.StartAsync(shim.ConnectionString, StoreUnderTest.NewFolder(), _time, Cancellation);
        await CaptureAsync(MailOf(10));
        var tries = 0;
        shim.Instead = command =>
        {
            if (command is not ["EXISTS", var key] || key != StoreKeys.InboxOctets("acme").ToString())
            {
                return null;
            }

            Interlocked.Increment(ref tries);
            return ["EXISTS", "relay:nothing"];
        };
        var mail = MailOf(20);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => far.Get<IInbox>().CaptureAsync(mail, Cancellation).AsTask());
        Assert.InRange(tries, 2, 200);
        await IsRightAsync(1);

        shim.Instead = _ => null;
        await far.Get<IInbox>().CaptureAsync(mail, Cancellation);
        await IsRightAsync(2);
    }

    [Fact]
    public async Task Who_only_looks_leaves_nothing_behind()
    {
        Assert.Empty(await Inbox.ListAsync("acme", null, 10, Cancellation));

        Assert.False(await _store.Connections.Reading.KeyExistsAsync(StoreKeys.InboxOctets("acme")));
    }

    private Task CaptureAsync(Message mail) => Inbox.CaptureAsync(mail, Cancellation).AsTask();

    private async Task IsRightAsync(int mails)
    {
        var sizes = await _store.Connections.Reading.HashValuesAsync(StoreKeys.InboxSizes("acme"));
        Assert.Equal(mails, sizes.Length);
        Assert.Equal(sizes.Sum(size => (long)size), (long)await _store.Connections.Reading.StringGetAsync(StoreKeys.InboxOctets("acme")));
        Assert.Equal(mails, (await Inbox.ListAsync("acme", null, 100, Cancellation)).Count);
    }

    // Each of a size of its own, so that none stands for another.
    private Message MailOf(int octets)
    {
        var message = TestMail.To(_time, "a@x.test");
        return message with { Subject = new string('x', octets + 1) };
    }
}
