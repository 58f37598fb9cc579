using System.Text;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.InMemory;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Inbox;

public abstract class InboxContract : IAsyncLifetime
{
    private protected FakeTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private IInbox Inbox { get; set; } = null!;

    private IContentStore Contents { get; set; } = null!;

    public async ValueTask InitializeAsync() => (Inbox, Contents) = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract ValueTask<(IInbox, IContentStore)> OpenAsync();

    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_captured_message_is_read_as_it_would_have_left()
    {
        var message = TestMail.To(Time, "a@x.test");
        await Contents.WriteChunkAsync(message.Id, 0, "and more\r\n"u8.ToArray(), Cancellation);
        message = message with { Content = message.Content with { Chunks = 1, Length = message.Content.Length + 10 } };

        await Inbox.CaptureAsync(message, Cancellation);

        var raw = await Inbox.ReadRawAsync("acme", message.Id, Cancellation);
        Assert.Equal("Received: from test\r\nSubject: Hello\r\n\r\nBody\r\nand more\r\n", Encoding.UTF8.GetString(raw!.Value.Span));
        var found = await Inbox.FindAsync("acme", message.Id, Cancellation);
        Assert.Equal(("sender@acme.test", "Hello", "a@x.test"), (found!.Sender, found.Subject, Assert.Single(found.Recipients)));
    }

    [Fact]
    public async Task Capturing_again_changes_nothing()
    {
        var message = TestMail.To(Time, "a@x.test");
        await Inbox.CaptureAsync(message, Cancellation);
        await Inbox.CaptureAsync(message with { Subject = "Other" }, Cancellation);

        Assert.Equal("Hello", Assert.Single(await Inbox.ListAsync("acme", null, 10, Cancellation)).Subject);
    }

    [Fact]
    public async Task Messages_are_listed_newest_first_page_by_page_and_only_their_own()
    {
        var ids = new List<MessageId>();
        for (var i = 0; i < 5; i++)
        {
            var message = TestMail.To(Time, "a@x.test");
            ids.Insert(0, message.Id);
            await Inbox.CaptureAsync(message, Cancellation);
            Time.Advance(TimeSpan.FromSeconds(1));
        }

        var first = await Inbox.ListAsync("acme", null, 3, Cancellation);
        var second = await Inbox.ListAsync("acme", first[^1].Id, 3, Cancellation);

        Assert.Equal(ids, first.Concat(second).Select(m => m.Id));
        Assert.Empty(await Inbox.ListAsync("other", null, 10, Cancellation));
        Assert.Null(await Inbox.FindAsync("other", ids[0], Cancellation));
        Assert.Null(await Inbox.ReadRawAsync("other", ids[0], Cancellation));
    }

    [Fact]
    public async Task A_week_later_it_is_gone()
    {
        var message = TestMail.To(Time, "a@x.test");
        await Inbox.CaptureAsync(message, Cancellation);

        Time.Advance(TimeSpan.FromDays(7) + TimeSpan.FromSeconds(1));

        Assert.Null(await Inbox.FindAsync("acme", message.Id, Cancellation));
        Assert.Null(await Inbox.ReadRawAsync("acme", message.Id, Cancellation));
        Assert.Empty(await Inbox.ListAsync("acme", null, 10, Cancellation));
    }

    [Fact]
    public async Task Only_the_newest_thousand_are_kept()
    {
        for (var lot = 0; lot < 17; lot++)
        {
            await Task.WhenAll(Enumerable.Range(0, 59).Select(_ => Inbox.CaptureAsync(TestMail.To(Time, "a@x.test"), Cancellation).AsTask()));
            Time.Advance(TimeSpan.FromMilliseconds(2));
        }

        Assert.Equal(1_000, (await Inbox.ListAsync("acme", null, 2_000, Cancellation)).Count);
    }

    [Fact]
    public async Task The_oldest_go_where_an_account_has_too_many_octets()
    {
        var octets = new byte[IInbox.LargestKept - 1_000_000];
        var others = TestMail.For(Time, "other", "a@x.test");
        await Inbox.CaptureAsync(others, Cancellation);
        var ids = new List<MessageId>();
        for (var i = 0; i < 6; i++)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            var message = TestMail.To(Time, "a@x.test");
            message = message with { Content = new MessageContent { Prologue = ReadOnlyMemory<byte>.Empty, Head = octets, Length = octets.Length } };
            ids.Insert(0, message.Id);
            await Inbox.CaptureAsync(message, Cancellation);
        }

        Assert.Equal(ids[..4], (await Inbox.ListAsync("acme", null, 10, Cancellation)).Select(m => m.Id));
        Assert.Equal(octets.Length, (await Inbox.ReadRawAsync("acme", ids[3], Cancellation))!.Value.Length);
        Assert.Null(await Inbox.ReadRawAsync("acme", ids[4], Cancellation));
        Assert.Null(await Inbox.FindAsync("acme", ids[5], Cancellation));
        Assert.Equal(others.Id, Assert.Single(await Inbox.ListAsync("other", null, 10, Cancellation)).Id);
    }

    [Fact]
    public async Task Of_a_message_too_large_to_be_kept_it_is_known_that_it_came()
    {
        var message = TestMail.To(Time, "a@x.test");
        await Inbox.CaptureAsync(message with { Content = message.Content with { Length = IInbox.LargestKept + 1 } }, Cancellation);

        Assert.True(Assert.Single(await Inbox.ListAsync("acme", null, 10, Cancellation)).IsTooLarge);
        Assert.Equal(IInbox.LargestKept + 1, (await Inbox.FindAsync("acme", message.Id, Cancellation))!.Size);
        Assert.Null(await Inbox.ReadRawAsync("acme", message.Id, Cancellation));
    }
}

public sealed class InMemoryInboxTests : InboxContract
{
    protected override ValueTask<(IInbox, IContentStore)> OpenAsync()
    {
        var contents = new InMemoryContentStore();
        return new((new InMemoryInbox(contents, Time), contents));
    }
}

public sealed class EmbeddedInboxTests : InboxContract
{
    private StoreUnderTest? _store;

    protected override async ValueTask<(IInbox, IContentStore)> OpenAsync()
    {
        _store = await StoreUnderTest.StartAsync(null, StoreUnderTest.NewFolder(), Time, Cancellation);
        return (_store.Get<IInbox>(), _store.Get<IContentStore>());
    }

    protected override ValueTask CloseAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;
}

public sealed class RedisInboxTests : InboxContract
{
    private RedisServer? _redis;
    private StoreUnderTest? _store;

    protected override async ValueTask<(IInbox, IContentStore)> OpenAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation, "everysec");
        _store = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        return (_store.Get<IInbox>(), _store.Get<IContentStore>());
    }

    protected override async ValueTask CloseAsync()
    {
        await (_store?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_redis?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
