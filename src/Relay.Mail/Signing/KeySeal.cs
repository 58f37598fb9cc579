using System.Security.Cryptography;
using System.Text;

namespace Relay.Mail.Signing;

/// <summary>
/// How private keys stand in the store: encrypted (AES-256-GCM) under a secret of the operator's, which is not in the
/// store, or as they are where the operator named none. A sealed key opens only in the place it was sealed for.
/// </summary>
public sealed class KeySeal
{
    private const byte Plain = 0;
    private const byte Encrypted = 1;
    private const int NameBytes = 4;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int HeadBytes = 1 + NameBytes + NonceBytes + TagBytes;

    private readonly byte[][] _keys;

    /// <param name="secrets">The first one seals; all open, so that a secret can be changed.</param>
    public KeySeal(IReadOnlyList<string> secrets) =>
        _keys = [.. secrets.Select(secret => HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret), 32, info: "relay signing keys"u8.ToArray()))];

    /// <param name="place">Whose key this is: account, domain, selector.</param>
    public byte[] Seal(byte[] privateKey, string place)
    {
        if (_keys.Length == 0)
        {
            return [Plain, .. privateKey];
        }

        var whole = new byte[HeadBytes + privateKey.Length];
        whole[0] = Encrypted;
        NameOf(_keys[0]).CopyTo(whole, 1);
        RandomNumberGenerator.Fill(NonceOf(whole));
        using var aes = new AesGcm(_keys[0], TagBytes);
        aes.Encrypt(NonceOf(whole), privateKey, whole.AsSpan(HeadBytes), TagOf(whole), Encoding.UTF8.GetBytes(place));
        return whole;
    }

    /// <exception cref="CryptographicException">It was sealed with a secret that is not at hand, for another place, or was changed.</exception>
    public byte[] Open(byte[] sealedKey, string place)
    {
        if (sealedKey is [Plain, ..])
        {
            return sealedKey[1..];
        }

        if (sealedKey is not [Encrypted, ..] || sealedKey.Length < HeadBytes)
        {
            throw new CryptographicException("this is no sealed key");
        }

        var key = Array.Find(_keys, key => sealedKey.AsSpan(1, NameBytes).SequenceEqual(NameOf(key)))
            ?? throw new CryptographicException("the key was sealed with a secret that is not among Relay:Domains:Secrets");
        var opened = new byte[sealedKey.Length - HeadBytes];
        using var aes = new AesGcm(key, TagBytes);
        aes.Decrypt(NonceOf(sealedKey), sealedKey.AsSpan(HeadBytes), TagOf(sealedKey), opened, Encoding.UTF8.GetBytes(place));
        return opened;
    }

    private static byte[] NameOf(byte[] key) => SHA256.HashData(key)[..NameBytes];

    private static Span<byte> NonceOf(byte[] whole) => whole.AsSpan(1 + NameBytes, NonceBytes);

    private static Span<byte> TagOf(byte[] whole) => whole.AsSpan(1 + NameBytes + NonceBytes, TagBytes);
}
