using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Signing;
using Relay.Mail.Tokens;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Redis.Tokens;

public abstract class TokenKeyStoreContract : StoreContract<ITokenKeyStore>
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task Nodes_that_start_together_come_to_one_key()
    {
        var nodes = Enumerable.Range(0, 4).Select(_ => Node()).ToArray();

        await Task.WhenAll(nodes.Select(node => node.Keyring.RefreshAsync(Cancellation).AsTask()));

        Assert.Single(await Store.ListAsync(Cancellation));
        var message = MessageId.Create(_time);
        Assert.True(nodes[0].Tokens.TryMint(TokenPurpose.ReturnPath, message, null, out var token));
        Assert.All(nodes, node => Assert.True(node.Tokens.TryRead(token, out var read) && read.Message == message));
    }

    [Fact]
    public async Task A_rotated_key_is_read_by_all_before_it_signs()
    {
        var (here, there) = (Node(), Node());
        await here.Keyring.RefreshAsync(Cancellation);
        await there.Keyring.RefreshAsync(Cancellation);
        Assert.True(here.Tokens.TryMint(TokenPurpose.ReturnPath, MessageId.Create(_time), null, out var old));

        var next = await here.Keyring.RotateAsync(Cancellation);

        Assert.Equal(1, next?.Number);
        Assert.True(next!.From > _time.GetUtcNow() + TokenKeyring.ReadEvery);
        await there.Keyring.RefreshAsync(Cancellation);
        _time.Advance(next.From - _time.GetUtcNow());
        Assert.True(here.Tokens.TryMint(TokenPurpose.ReturnPath, MessageId.Create(_time), null, out var young));
        Assert.NotEqual(old[..4], young[..4]);
        Assert.True(there.Tokens.TryRead(young, out _));
        Assert.True(there.Tokens.TryRead(old, out _));
    }

    [Fact]
    public async Task Two_who_rotate_at_once_make_two_keys()
    {
        var (here, there) = (Node(), Node());
        await here.Keyring.RefreshAsync(Cancellation);

        var both = await Task.WhenAll(here.Keyring.RotateAsync(Cancellation).AsTask(), there.Keyring.RotateAsync(Cancellation).AsTask());

        Assert.Equal([1, 2], both.Select(key => key!.Number).Order());
        Assert.Equal([0, 1, 2], (await Store.ListAsync(Cancellation)).Select(key => key.Number).Order());
    }

    [Fact]
    public async Task Keys_do_not_stand_in_the_clear()
    {
        await Node().Keyring.RefreshAsync(Cancellation);

        var kept = Assert.Single(await Store.ListAsync(Cancellation));
        var secret = new KeySeal([Secret]).Open(kept.Secret, "token key 0");
        Assert.Equal(TokenKey.SecretBytes, secret.Length);
        Assert.Equal(-1, kept.Secret.AsSpan().IndexOf(secret));
    }

    [Fact]
    public async Task A_key_that_cannot_be_opened_leaves_the_others_in_use()
    {
        await Node().Keyring.RefreshAsync(Cancellation);
        await Store.TryAddAsync(new KeptTokenKey(1, new KeySeal(["a secret of another time, which is lost"]).Seal(new byte[TokenKey.SecretBytes], "token key 1"), _time.GetUtcNow()), Cancellation);
        var node = Node();

        Assert.Equal([1], await node.Keyring.RefreshAsync(Cancellation));

        Assert.True(node.Tokens.TryMint(TokenPurpose.ReturnPath, MessageId.Create(_time), null, out var token));
        Assert.True(node.Tokens.TryRead(token, out _));
        Assert.Equal([0], node.Tokens.Keys.Select(key => key.Number));
        Assert.Equal(2, (await node.Keyring.RotateAsync(Cancellation))?.Number);
    }

    private const string Secret = "a secret that nobody else knows, and long";

    private (MailTokens Tokens, TokenKeyring Keyring) Node()
    {
        var tokens = new MailTokens(_time);
        return (tokens, new TokenKeyring(Store, new KeySeal([Secret]), tokens, _time));
    }
}

public sealed class InMemoryTokenKeyStoreTests : TokenKeyStoreContract
{
    protected override ValueTask<ITokenKeyStore> OpenAsync() => new(new InMemoryTokenKeyStore());
}

public sealed class EmbeddedTokenKeyStoreTests : TokenKeyStoreContract
{
    protected override ValueTask<ITokenKeyStore> OpenAsync() => OpenEmbeddedAsync();
}

public sealed class RedisTokenKeyStoreTests : TokenKeyStoreContract
{
    protected override ValueTask<ITokenKeyStore> OpenAsync() => OpenOnRedisAsync();

    [Fact]
    public async Task A_key_that_cannot_be_read_is_known_by_its_number()
    {
        await Under!.Connections.Reading.HashSetAsync("relay:tokens", 7, "{broken");

        var kept = Assert.Single(await Store.ListAsync(Cancellation));

        Assert.Equal(7, kept.Number);
        Assert.Empty(kept.Secret);
    }
}
