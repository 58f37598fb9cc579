using System.Collections.Concurrent;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Redis.Suppressions;

public abstract class SuppressionStoreContract : StoreContract<ISuppressionStore>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddDays(20_000);

    protected abstract ISuppressionNews News { get; }

    [Fact]
    public async Task An_entry_is_found_with_its_evidence_however_the_address_is_spelled()
    {
        var entry = Entry("ada@xn--bcher-kva.test") with { Words = "550 5.1.1 No", Rule = "code.5.1.1", Message = MessageId.Create(TimeProvider.System) };
        Assert.Equal(1, await Store.AddAsync("acme", [entry], Cancellation));

        Assert.Equal(entry, await Store.FindAsync("acme", EnvelopeAddress.Parse("Ada@Bücher.test"), null, Cancellation));
        Assert.Null(await Store.FindAsync("acme", EnvelopeAddress.Parse("bob@xn--bcher-kva.test"), null, Cancellation));
    }

    [Fact]
    public async Task Whoever_listens_hears_of_what_was_added_and_of_nothing_else()
    {
        await Store.AddAsync("acme", [Entry("ada@x.test")], Cancellation);
        var heard = new List<string>();
        News.Suppressed += (account, addresses) => heard.AddRange(addresses.Select(address => $"{account} {address}"));

        await Store.AddAsync("acme", [Entry("ada@x.test"), Entry("bob@x.test")], Cancellation);
        await Store.AddAsync("other", [Entry("ada@x.test") with { Stream = "offers" }], Cancellation);
        await Store.ReleaseAsync("acme", Ada, null, "key-1", Now, Cancellation);

        Assert.Equal(["acme bob@x.test", "other ada@x.test"], heard);
    }

    [Fact]
    public async Task What_one_account_suppresses_concerns_no_other()
    {
        await Store.AddAsync("acme", [Entry("ada@x.test")], Cancellation);

        Assert.Null(await Store.FindAsync("other", Ada, null, Cancellation));
        Assert.Empty((await Store.ListAsync("other", null, 10, Cancellation)).Items);
    }

    [Fact]
    public async Task The_first_evidence_stays()
    {
        var first = Entry("ada@x.test") with { Words = "first" };
        await Store.AddAsync("acme", [first], Cancellation);

        Assert.Equal(0, await Store.AddAsync("acme", [first with { Words = "second" }], Cancellation));
        Assert.Equal(first, await Store.FindAsync("acme", Ada, null, Cancellation));
    }

    [Theory]
    [InlineData(SuppressionReason.Bounce, SuppressionReason.Complaint, true)]
    [InlineData(SuppressionReason.Manual, SuppressionReason.Unsubscribe, true)]
    [InlineData(SuppressionReason.Bounce, SuppressionReason.Manual, false)]
    [InlineData(SuppressionReason.Unsubscribe, SuppressionReason.Complaint, false)]
    [InlineData(SuppressionReason.Complaint, SuppressionReason.Bounce, false)]
    public async Task The_readers_own_word_takes_the_place_of_a_bounce_and_a_note_and_nothing_takes_its_own(
        SuppressionReason first, SuppressionReason then, bool replaced)
    {
        var known = Entry("ada@x.test") with { Stream = "news", Reason = first, Words = "first" };
        var told = known with { Reason = then, Words = "then", Since = Now.AddMinutes(1) };
        await Store.AddAsync("acme", [known], Cancellation);

        Assert.Equal(replaced ? 1 : 0, await Store.AddAsync("acme", [told], Cancellation));
        Assert.Equal(0, await Store.AddAsync("acme", [told], Cancellation));

        Assert.Equal(replaced ? told with { Earlier = known } : known, await Store.FindAsync("acme", Ada, "news", Cancellation));
    }

    [Fact]
    public async Task A_release_is_remembered_and_older_evidence_counts_no_more()
    {
        var bounce = Entry("ada@x.test");
        await Store.AddAsync("acme", [bounce], Cancellation);

        Assert.True(await Store.ReleaseAsync("acme", Ada, null, "key1", Now.AddMinutes(1), Cancellation));
        Assert.False(await Store.ReleaseAsync("acme", Ada, null, "key1", Now.AddMinutes(1), Cancellation));

        Assert.Null(await Store.FindAsync("acme", Ada, null, Cancellation));
        Assert.Equal([bounce with { ReleasedAt = Now.AddMinutes(1), ReleasedBy = "key1" }], await Store.FindReleasedAsync("acme", Ada, Cancellation));
        Assert.Equal(0, await Store.AddAsync("acme", [bounce], Cancellation));
        Assert.Null(await Store.FindAsync("acme", Ada, null, Cancellation));
    }

    [Fact]
    public async Task Newer_evidence_and_a_person_count_after_a_release()
    {
        foreach (var again in (Suppression[])[Entry("ada@x.test") with { Since = Now.AddMinutes(2) }, Entry("ada@x.test") with { Reason = SuppressionReason.Manual }])
        {
            await Store.AddAsync("acme", [Entry("ada@x.test") with { Since = Now.AddMinutes(2) }], Cancellation);
            await Store.ReleaseAsync("acme", Ada, null, "key1", Now.AddMinutes(1), Cancellation);

            Assert.Equal(1, await Store.AddAsync("acme", [again], Cancellation));
            Assert.Equal(again, await Store.FindAsync("acme", Ada, null, Cancellation));
        }
    }

    [Fact]
    public async Task What_holds_for_one_stream_concerns_no_other_mail()
    {
        var news = Entry("ada@x.test") with { Stream = "news", Reason = SuppressionReason.Unsubscribe };
        Assert.Equal(1, await Store.AddAsync("acme", [news], Cancellation));

        Assert.Equal(news, await Store.FindAsync("acme", Ada, "news", Cancellation));
        Assert.Null(await Store.FindAsync("acme", Ada, "offers", Cancellation));
        Assert.Null(await Store.FindAsync("acme", Ada, null, Cancellation));
        Assert.Null(await Store.FindAsync("other", Ada, "news", Cancellation));
    }

    [Fact]
    public async Task What_holds_for_all_mail_holds_for_each_stream()
    {
        var (all, news) = (Entry("ada@x.test"), Entry("ada@x.test") with { Stream = "news", Reason = SuppressionReason.Complaint });
        Assert.Equal(2, await Store.AddAsync("acme", [news, all], Cancellation));

        Assert.Equal(all, await Store.FindAsync("acme", Ada, "news", Cancellation));
        Assert.Equal(all, await Store.FindAsync("acme", Ada, "offers", Cancellation));
        Assert.Equal([all, news], await Store.FindAllAsync("acme", Ada, Cancellation));
        Assert.Equal(2, (await Store.ListAsync("acme", null, 10, Cancellation)).Items.Count);
    }

    [Fact]
    public async Task A_release_lifts_what_it_names_and_nothing_else()
    {
        var (all, news) = (Entry("ada@x.test"), Entry("ada@x.test") with { Stream = "news" });
        await Store.AddAsync("acme", [all, news], Cancellation);

        Assert.True(await Store.ReleaseAsync("acme", Ada, null, "key1", Now.AddMinutes(1), Cancellation));
        Assert.Equal([news], await Store.FindAllAsync("acme", Ada, Cancellation));
        Assert.Equal(news, await Store.FindAsync("acme", Ada, "news", Cancellation));

        Assert.True(await Store.ReleaseAsync("acme", Ada, "news", "key1", Now.AddMinutes(1), Cancellation));
        Assert.Null(await Store.FindAsync("acme", Ada, "news", Cancellation));
        Assert.Equal([null, "news"], (await Store.FindReleasedAsync("acme", Ada, Cancellation)).Select(released => released.Stream));
        Assert.Equal(0, await Store.AddAsync("acme", [news], Cancellation));
    }

    [Fact]
    public async Task Both_entries_that_can_hold_for_a_mail_are_found_at_once()
    {
        var (all, news) = (Entry("ada@x.test"), Entry("ada@x.test") with { Stream = "news", Reason = SuppressionReason.Unsubscribe });
        await Store.AddAsync("acme", [news, all, all with { Stream = "offers" }], Cancellation);

        Assert.Equal([all, news], await Store.FindBothAsync("acme", Ada, "news", Cancellation));
        Assert.Equal([all], await Store.FindBothAsync("acme", Ada, "other", Cancellation));
        Assert.Equal([all], await Store.FindBothAsync("acme", Ada, null, Cancellation));
        Assert.Equal(["news", "offers"], (await Store.ListStreamsAsync("acme", Cancellation)).Order());
        Assert.Empty(await Store.ListStreamsAsync("other", Cancellation));
    }

    [Fact]
    public async Task Of_streams_without_end_the_names_are_not_kept_and_the_entries_hold()
    {
        await Store.AddAsync("acme", [.. Enumerable.Range(0, ISuppressionStore.MostStreams).Select(n => Entry("bob@x.test") with { Stream = $"news-{n}" })], Cancellation);
        var more = Entry("ada@x.test") with { Stream = "more", Reason = SuppressionReason.Unsubscribe };

        Assert.Equal(1, await Store.AddAsync("acme", [more], Cancellation));

        Assert.Equal(more, await Store.FindAsync("acme", Ada, "more", Cancellation));
        Assert.Equal([more], await Store.FindBothAsync("acme", Ada, "more", Cancellation));
        Assert.Equal(ISuppressionStore.MostStreams, (await Store.ListStreamsAsync("acme", Cancellation)).Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(500)]
    public async Task A_list_is_read_whole_in_pages_of_any_size(int limit)
    {
        var all = Enumerable.Range(0, 200).Select(n => Entry($"a{n}@x.test")).ToList();
        Assert.Equal(all.Count, await Store.AddAsync("acme", all, Cancellation));

        var read = new List<string>();
        string? cursor = null;
        for (var pages = 0; pages <= all.Count + 1; pages++)
        {
            var page = await Store.ListAsync("acme", cursor, limit, Cancellation);
            Assert.InRange(page.Items.Count, 0, limit);
            read.AddRange(page.Items.Select(entry => entry.Address));
            cursor = page.Next;
            if (cursor is null)
            {
                break;
            }
        }

        Assert.Null(cursor);
        Assert.Equal(all.Select(entry => entry.Address).Order(StringComparer.Ordinal), read.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("-1.0.0")]
    [InlineData("1000.0.0")]
    public async Task A_cursor_of_somebodys_own_making_is_refused(string cursor) =>
        await Assert.ThrowsAsync<FormatException>(async () => await Store.ListAsync("acme", cursor, 10, Cancellation));

    protected static EnvelopeAddress Ada { get; } = EnvelopeAddress.Parse("ada@x.test");

    protected static Suppression Entry(string address) => new() { Address = address, Reason = SuppressionReason.Bounce, Since = Now };
}

public sealed class InMemorySuppressionStoreTests : SuppressionStoreContract
{
    protected override ISuppressionNews News => (InMemorySuppressionStore)Store;

    protected override ValueTask<ISuppressionStore> OpenAsync() => new(new InMemorySuppressionStore());
}

public sealed class EmbeddedSuppressionStoreTests : SuppressionStoreContract
{
    protected override ISuppressionNews News => Under!.Get<ISuppressionNews>();

    protected override ValueTask<ISuppressionStore> OpenAsync() => OpenEmbeddedAsync();
}

public sealed class RedisSuppressionStoreTests : SuppressionStoreContract
{
    protected override ISuppressionNews News => Under!.Get<ISuppressionNews>();

    protected override ValueTask<ISuppressionStore> OpenAsync() => OpenOnRedisAsync();

    [Fact]
    public async Task Another_node_hears_of_it_and_of_a_long_list_that_there_is_one()
    {
        await using var other = await StoreUnderTest.StartAsync(Redis!.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        var (addresses, missed) = (new ConcurrentQueue<string>(), new TaskCompletionSource());
        other.Get<ISuppressionNews>().Suppressed += (account, told) => addresses.Enqueue($"{account} {told[0]}");
        other.Get<ISuppressionNews>().Missed += () => missed.TrySetResult();

        // Nobody tells when the other one has begun to listen.
        var number = 0;
        await Eventually.HoldsAsync(
            async () => await Store.AddAsync("acme", [Entry($"a{number++}@x.test")], Cancellation) == 1 && !addresses.IsEmpty, Cancellation);
        await Store.AddAsync("acme", [.. Enumerable.Range(0, 201).Select(i => Entry($"b{i}@x.test"))], Cancellation);

        // The other node has heard of the long list by then, and of none of its addresses.
        await new ValueTask(missed.Task).InTime();
        Assert.All(addresses, address => Assert.StartsWith("acme a", address, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_bounce_that_blames_the_address_suppresses_it()
    {
        var (queue, time) = (Under!.Queue, TimeProvider.System);
        await queue.EnqueueAsync(TestMail.To(time, "ada@x.test"), null, Cancellation);
        var lease = Assert.Single(await queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        await queue.SettleAsync(TestMail.Bounced(lease, time), Cancellation).InTime();

        await Eventually.HoldsAsync(async () => await Store.FindAsync("acme", Ada, null, Cancellation) is not null, Cancellation);

        var entry = await Store.FindAsync("acme", Ada, null, Cancellation);
        Assert.Equal((SuppressionReason.Bounce, "550 5.1.1 No such user", lease.Message.Id), (entry!.Reason, entry.Words, entry.Message));
    }
}
