using Relay.Mail.Accounts;
using Relay.TestKit.InMemory;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Accounts;

public abstract class AnswerStoreContract : StoreContract<IAnswerStore>
{
    private static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    private readonly Guid _run = Guid.NewGuid();

    [Fact]
    public async Task A_request_runs_once_and_then_its_answer_is_known()
    {
        Assert.Null(await Store.TryBeginAsync("acme", "one", _run, Kept, Cancellation));
        Assert.Null((await Store.TryBeginAsync("acme", "one", Guid.NewGuid(), Kept, Cancellation))!.Answer);

        await Store.FinishAsync("acme", "one", _run, new byte[] { 1, 2, 3 }, Kept, Cancellation);

        var known = await Store.TryBeginAsync("acme", "one", Guid.NewGuid(), Kept, Cancellation);
        Assert.Equal([1, 2, 3], known!.Answer!.Value.ToArray());
    }

    [Fact]
    public async Task Of_many_who_begin_at_once_one_does()
    {
        var begun = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Store.TryBeginAsync("acme", "one", Guid.NewGuid(), Kept, Cancellation).AsTask()));

        Assert.Single(begun, known => known is null);
    }

    [Fact]
    public async Task What_was_given_up_may_run_again()
    {
        Assert.Null(await Store.TryBeginAsync("acme", "one", _run, Kept, Cancellation));
        await Store.GiveUpAsync("acme", "one", _run, Cancellation);

        Assert.Null(await Store.TryBeginAsync("acme", "one", Guid.NewGuid(), Kept, Cancellation));
    }

    [Fact]
    public async Task Only_the_run_that_began_can_end_it()
    {
        var late = Guid.NewGuid();
        Assert.Null(await Store.TryBeginAsync("acme", "one", _run, Kept, Cancellation));

        await Store.FinishAsync("acme", "one", late, new byte[] { 1 }, Kept, Cancellation);
        await Store.GiveUpAsync("acme", "one", late, Cancellation);

        Assert.Null((await Store.TryBeginAsync("acme", "one", late, Kept, Cancellation))!.Answer);
    }

    [Fact]
    public async Task An_answer_is_not_given_up()
    {
        Assert.Null(await Store.TryBeginAsync("acme", "one", _run, Kept, Cancellation));
        await Store.FinishAsync("acme", "one", _run, Array.Empty<byte>(), Kept, Cancellation);
        await Store.GiveUpAsync("acme", "one", _run, Cancellation);

        Assert.Equal(0, (await Store.TryBeginAsync("acme", "one", Guid.NewGuid(), Kept, Cancellation))!.Answer!.Value.Length);
    }

    [Fact]
    public async Task Accounts_and_names_do_not_meet()
    {
        Assert.Null(await Store.TryBeginAsync("acme", "one", _run, Kept, Cancellation));

        Assert.Null(await Store.TryBeginAsync("acme", "two", Guid.NewGuid(), Kept, Cancellation));
        Assert.Null(await Store.TryBeginAsync("other", "one", Guid.NewGuid(), Kept, Cancellation));
    }
}

public sealed class InMemoryAnswerStoreTests : AnswerStoreContract
{
    protected override ValueTask<IAnswerStore> OpenAsync() => new(new InMemoryAnswerStore(TimeProvider.System));
}

public sealed class EmbeddedAnswerStoreTests : AnswerStoreContract
{
    protected override ValueTask<IAnswerStore> OpenAsync() => OpenEmbeddedAsync();

    [Fact]
    public async Task Notes_and_answers_vanish_by_themselves() => await AnswerLife.IsKeptAsync(Store, Under!);
}

public sealed class RedisAnswerStoreTests : AnswerStoreContract
{
    protected override ValueTask<IAnswerStore> OpenAsync() => OpenOnRedisAsync();

    [Fact]
    public async Task Notes_and_answers_vanish_by_themselves() => await AnswerLife.IsKeptAsync(Store, Under!);
}

/// <summary>How long a key of the store has yet to live, as the store says it.</summary>
internal static class AnswerLife
{
    public static async Task IsKeptAsync(IAnswerStore store, StoreUnderTest under)
    {
        var (run, database) = (Guid.NewGuid(), under.Connections.Reading);
        var key = (RedisKey)"relay:acct:{acme}:answer:one";

        await store.TryBeginAsync("acme", "one", run, TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        Assert.InRange((await database.KeyTimeToLiveAsync(key))!.Value, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2));

        await store.FinishAsync("acme", "one", run, new byte[] { 1 }, TimeSpan.FromHours(24), TestContext.Current.CancellationToken);
        Assert.InRange((await database.KeyTimeToLiveAsync(key))!.Value, TimeSpan.FromHours(23), TimeSpan.FromHours(24));
    }
}
