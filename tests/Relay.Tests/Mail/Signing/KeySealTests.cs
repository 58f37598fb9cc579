using System.Security.Cryptography;
using Relay.Mail.Signing;

namespace Relay.Tests.Mail.Signing;

public sealed class KeySealTests
{
    private const string First = "the first secret, long enough to be one";
    private const string Second = "the second secret, long enough to be one";

    private static readonly byte[] Key = [1, 2, 3, 4, 5, 6, 7, 8];

    [Fact]
    public void A_sealed_key_opens_again_and_shows_nothing_of_itself()
    {
        var seal = new KeySeal([First]);

        var whole = seal.Seal(Key, "shop/shop.test/s");

        Assert.Equal(Key, seal.Open(whole, "shop/shop.test/s"));
        Assert.Equal(-1, whole.AsSpan().IndexOf(Key));
    }

    [Fact]
    public void It_opens_in_no_other_place_with_no_other_secret_and_not_when_changed()
    {
        var whole = new KeySeal([First]).Seal(Key, "place");

        Assert.ThrowsAny<CryptographicException>(() => new KeySeal([First]).Open(whole, "other place"));
        Assert.ThrowsAny<CryptographicException>(() => new KeySeal([Second]).Open(whole, "place"));
        Assert.ThrowsAny<CryptographicException>(() => new KeySeal([]).Open(whole, "place"));
        Assert.ThrowsAny<CryptographicException>(() => new KeySeal([First]).Open([.. whole[..^1], (byte)(whole[^1] ^ 1)], "place"));
        Assert.ThrowsAny<CryptographicException>(() => new KeySeal([First]).Open(whole[..10], "place"));
        Assert.ThrowsAny<CryptographicException>(() => new KeySeal([First]).Open([], "place"));
    }

    [Fact]
    public void A_secret_can_be_changed_and_what_was_kept_in_the_clear_still_opens()
    {
        var old = new KeySeal([First]).Seal(Key, "place");
        var clear = new KeySeal([]).Seal(Key, "place");
        var seal = new KeySeal([Second, First]);

        Assert.Equal(Key, seal.Open(old, "place"));
        Assert.Equal(Key, seal.Open(clear, "place"));
        Assert.ThrowsAny<CryptographicException>(() => new KeySeal([First]).Open(seal.Seal(Key, "place"), "place"));
    }
}
