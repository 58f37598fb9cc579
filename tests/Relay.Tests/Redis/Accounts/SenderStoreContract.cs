using Relay.Mail.Accounts;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Redis.Accounts;

public abstract class SenderStoreContract : StoreContract<ISenderStore>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddDays(20_000);

    private static readonly VerifiedSender Ada = new("snd_1", "acme", "ada@x.test", Now) { LinkHash = [1, 2], MailedAt = Now };

    [Fact]
    public async Task An_address_is_added_once_and_keeps_all_it_says()
    {
        Assert.True(await Store.TryAddAsync(Ada, Cancellation));
        Assert.False(await Store.TryAddAsync(Ada with { Id = "snd_2" }, Cancellation));

        Assert.Equivalent(Ada, await Store.FindAsync("acme", "ada@x.test", Cancellation), strict: true);
        Assert.Equal("snd_1", Assert.Single(await Store.ListAsync("acme", Cancellation)).Id);
    }

    [Fact]
    public async Task Nothing_of_one_account_is_anothers()
    {
        await Store.TryAddAsync(Ada, Cancellation);

        Assert.Null(await Store.FindAsync("other", "ada@x.test", Cancellation));
        Assert.Empty(await Store.ListAsync("other", Cancellation));
        Assert.Null(await Store.ChangeAsync("other", "ada@x.test", known => known with { VerifiedAt = Now }, Cancellation));
    }

    [Fact]
    public async Task Of_many_who_use_a_link_at_once_one_has()
    {
        await Store.TryAddAsync(Ada, Cancellation);

        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Store.ChangeAsync(
            "acme", "ada@x.test", known => known.LinkHash is null ? null : known with { LinkHash = null, VerifiedAt = Now }, Cancellation).AsTask()));

        Assert.Single(results, changed => changed is not null);
        Assert.Equal(Now, (await Store.FindAsync("acme", "ada@x.test", Cancellation))!.VerifiedAt);
    }

    [Fact]
    public async Task What_is_removed_is_gone()
    {
        await Store.TryAddAsync(Ada, Cancellation);
        await Store.RemoveAsync("acme", "ada@x.test", Cancellation);

        Assert.Null(await Store.FindAsync("acme", "ada@x.test", Cancellation));
    }
}

public sealed class InMemorySenderStoreTests : SenderStoreContract
{
    protected override ValueTask<ISenderStore> OpenAsync() => new(new InMemorySenderStore());
}

public sealed class EmbeddedSenderStoreTests : SenderStoreContract
{
    protected override ValueTask<ISenderStore> OpenAsync() => OpenEmbeddedAsync();
}
