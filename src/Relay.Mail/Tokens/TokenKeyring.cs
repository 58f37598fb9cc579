using System.Globalization;
using System.Security.Cryptography;
using Relay.Mail.Signing;

namespace Relay.Mail.Tokens;

/// <summary>
/// Brings the keys from the store to <see cref="MailTokens"/>, and makes them: the first when there is none, another when
/// someone asks. Keys are never dropped: what they signed is out in the world, and a link to unsubscribe works for years.
/// </summary>
public sealed class TokenKeyring(ITokenKeyStore store, KeySeal seal, MailTokens tokens, TimeProvider time)
{
    /// <summary>How often each node reads the keys.</summary>
    public static readonly TimeSpan ReadEvery = TimeSpan.FromMinutes(1);

    // By then every node has read it several times: none meets a token whose key it does not know.
    internal static readonly TimeSpan LeadTime = 5 * ReadEvery;

    /// <returns>The numbers of keys that cannot be opened: sealed under a secret that is not among ours, or broken. The others are in use.</returns>
    /// <exception cref="Queue.StoreUnavailableException">The store does not answer; the keys known so far stay in use.</exception>
    public async ValueTask<IReadOnlyList<int>> RefreshAsync(CancellationToken cancellation)
    {
        var kept = await store.ListAsync(cancellation);
        if (kept.Count == 0)
        {
            // Of several nodes one comes first, and all read what it wrote.
            await store.TryAddAsync(Make(0, time.GetUtcNow()), cancellation);
            kept = await store.ListAsync(cancellation);
        }

        var opened = kept.Select(key => (key.Number, Key: Open(key))).ToLookup(key => key.Key is not null);
        IReadOnlyList<int> closed = [.. opened[false].Select(key => key.Number).Order()];
        tokens.Use([.. opened[true].Select(key => key.Key!)], closed);
        return closed;
    }

    /// <summary>Makes a key that takes over in some minutes; what the others signed stays good.</summary>
    /// <returns>The key; null when there are as many as there can be.</returns>
    public async ValueTask<KeptTokenKey?> RotateAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var kept = await store.ListAsync(cancellation);
            var number = kept.Count == 0 ? 0 : kept.Max(key => key.Number) + 1;
            if (number >= TokenKey.Numbers)
            {
                return null;
            }

            var key = Make(number, time.GetUtcNow() + LeadTime);
            if (await store.TryAddAsync(key, cancellation))
            {
                await RefreshAsync(cancellation);
                return key;
            }
        }
    }

    private TokenKey? Open(KeptTokenKey key)
    {
        try
        {
            return new TokenKey(key.Number, seal.Open(key.Secret, PlaceOf(key.Number)), key.From);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private KeptTokenKey Make(int number, DateTimeOffset from) =>
        new(number, seal.Seal(RandomNumberGenerator.GetBytes(TokenKey.SecretBytes), PlaceOf(number)), from);

    private static string PlaceOf(int number) => string.Create(CultureInfo.InvariantCulture, $"token key {number}");
}
