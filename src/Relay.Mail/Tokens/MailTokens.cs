using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using Relay.Mail.Messages;

namespace Relay.Mail.Tokens;

/// <summary>
/// Makes and reads what we put into addresses and links so that an answer finds its mail, and so that nobody else can make
/// one up. Two forms: <see cref="TryMint"/> names a message in 48 characters, short enough for a local part and safe where
/// case is lost; <see cref="TrySeal"/> carries a claim of any length that nobody can read or change, for links that must
/// still work when the message is long forgotten.
/// </summary>
/// <remarks>
/// Minted: <c>[purpose][key][message id, 16][recipient, 2][MAC, 10]</c> in base 32. 80 bits of HMAC-SHA256: who guesses
/// asks us each time, and 2^80 questions are not to be had (RFC 2104, 5, allows no less).
/// Sealed: <c>[key][nonce, 12][AES-256-GCM of the claim][tag, 16]</c> in base64url; the purpose is authenticated with it.
/// </remarks>
public sealed class MailTokens(TimeProvider time)
{
    /// <summary>Characters of a minted token.</summary>
    public const int Length = 48;

    /// <summary>The highest index of a recipient that a token can name.</summary>
    public const int MaxRecipient = Nobody - 1;

    private const int Nobody = ushort.MaxValue;
    private const int MacBytes = 10;
    private const int Signed = 1 + 1 + MessageId.Octets + 2;
    private const int Whole = Signed + MacBytes;

    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int SealBytes = 1 + NonceBytes + TagBytes;

    private volatile KeySet? _keys;

    /// <summary>Takes these keys in place of those before: all that the store has now.</summary>
    /// <param name="closed">The numbers of those that cannot be opened here.</param>
    public void Use(IReadOnlyList<TokenKey> keys, params IReadOnlyList<int> closed) => _keys = new KeySet(keys, closed, time.GetTimestamp());

    /// <summary>The keys in use; empty before the store was read.</summary>
    public IReadOnlyList<TokenKey> Keys => _keys?.All ?? [];

    /// <summary>False while no key is known.</summary>
    /// <param name="recipient">Index into the envelope's recipients; null where one token serves them all.</param>
    /// <param name="at">With the key that signed then; null is now.</param>
    public bool TryMint(TokenPurpose purpose, MessageId message, int? recipient, out string token, DateTimeOffset? at = null)
    {
        token = "";
        if (_keys?.SigningAt(at ?? time.GetUtcNow()) is not { } key)
        {
            return false;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(recipient ?? 0, MaxRecipient);
        Span<byte> octets = stackalloc byte[Whole];
        octets[0] = (byte)purpose;
        octets[1] = (byte)key.Number;
        message.Write(octets[2..]);
        BinaryPrimitives.WriteUInt16BigEndian(octets[(2 + MessageId.Octets)..], (ushort)(recipient ?? Nobody));
        Sign(key, octets[..Signed], octets[Signed..]);

        Span<char> text = stackalloc char[Length];
        Base32.Write(octets, text);
        token = new string(text);
        return true;
    }

    /// <summary>False for whatever we did not make. Costs one MAC, and nothing for what does not look like a token.</summary>
    public bool TryRead(ReadOnlySpan<char> text, out MailToken token)
    {
        token = default;
        Span<byte> octets = stackalloc byte[Whole];
        if (text.Length != Length || !Base32.TryRead(text, octets) || _keys?.Find(octets[1]) is not { } key)
        {
            return false;
        }

        Span<byte> mac = stackalloc byte[MacBytes];
        Sign(key, octets[..Signed], mac);
        if (!CryptographicOperations.FixedTimeEquals(mac, octets[Signed..]))
        {
            return false;
        }

        var recipient = BinaryPrimitives.ReadUInt16BigEndian(octets[(2 + MessageId.Octets)..]);
        token = new MailToken((TokenPurpose)octets[0], MessageId.Read(octets[2..]), recipient == Nobody ? null : recipient);
        return true;
    }

    /// <summary>Hides a claim and makes it unforgeable. The same claim of the same time looks the same, so that mail sent again has the same octets. False while no key is known.</summary>
    /// <param name="at">With the key that signed then; null is now.</param>
    public bool TrySeal(TokenPurpose purpose, ReadOnlySpan<byte> claim, out string token, DateTimeOffset? at = null)
    {
        token = "";
        if (_keys?.SigningAt(at ?? time.GetUtcNow()) is not { } key)
        {
            return false;
        }

        var octets = new byte[SealBytes + claim.Length];
        octets[0] = (byte)key.Number;
        var nonce = octets.AsSpan(1, NonceBytes);
        // Made from the claim: two different ones share a nonce no more often than by chance (as in AES-SIV, RFC 5297).
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key.NonceSecret, [(byte)purpose, .. claim], whole);
        whole[..NonceBytes].CopyTo(nonce);
        using var aes = new AesGcm(key.SealingSecret, TagBytes);
        aes.Encrypt(nonce, claim, octets.AsSpan(1 + NonceBytes, claim.Length), octets.AsSpan(^TagBytes..), [(byte)purpose]);
        token = Base64Url.EncodeToString(octets);
        return true;
    }

    /// <summary>False for whatever we did not seal for this purpose.</summary>
    public bool TryOpen(TokenPurpose purpose, ReadOnlySpan<char> token, out byte[] claim)
    {
        claim = [];
        if (!Base64Url.IsValid(token, out var length) || length < SealBytes)
        {
            return false;
        }

        var octets = Base64Url.DecodeFromChars(token);
        if (_keys?.Find(octets[0]) is not { } key)
        {
            return false;
        }

        var opened = new byte[octets.Length - SealBytes];
        using var aes = new AesGcm(key.SealingSecret, TagBytes);
        try
        {
            aes.Decrypt(octets.AsSpan(1, NonceBytes), octets.AsSpan(1 + NonceBytes, opened.Length), octets.AsSpan(^TagBytes..), opened, [(byte)purpose]);
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }

        claim = opened;
        return true;
    }

    /// <summary>
    /// Whether text that cannot be read may be a token of ours all the same: it looks like one, of a key that is not known here. Who
    /// brought it is to come again, since the same text may be read then, or by another node.
    /// </summary>
    public bool MayBeRead(ReadOnlySpan<char> text)
    {
        Span<byte> octets = stackalloc byte[Whole];
        return text.Length == Length && Base32.TryRead(text, octets) && Enum.IsDefined((TokenPurpose)octets[0]) && MayHave(octets[1]);
    }

    /// <summary>The same of text that cannot be opened.</summary>
    public bool MayBeOpened(ReadOnlySpan<char> token) =>
        Base64Url.IsValid(token, out var length) && length >= SealBytes && MayHave(Base64Url.DecodeFromChars(token)[0]);

    // No key signs before every node has had the time to read it: whoever has read them lately knows all that sign.
    private bool MayHave(byte number) =>
        _keys is not { } keys
        || (keys.Find(number) is null && (keys.IsClosed(number) || time.GetElapsedTime(keys.ReadAt) >= TokenKeyring.LeadTime));

    private static void Sign(TokenKey key, ReadOnlySpan<byte> octets, Span<byte> mac)
    {
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key.Secret, octets, whole);
        whole[..MacBytes].CopyTo(mac);
    }

    private sealed class KeySet
    {
        private readonly TokenKey?[] _byNumber = new TokenKey?[TokenKey.Numbers];

        private readonly IReadOnlyList<int> _closed;

        public KeySet(IReadOnlyList<TokenKey> keys, IReadOnlyList<int> closed, long readAt)
        {
            _closed = closed;
            ReadAt = readAt;
            All = [.. keys.OrderBy(key => key.From)];
            foreach (var key in keys)
            {
                _byNumber[key.Number] = key;
            }
        }

        public IReadOnlyList<TokenKey> All { get; }

        public long ReadAt { get; }

        public bool IsClosed(byte number) => _closed.Contains(number);

        public TokenKey? Find(byte number) => _byNumber[number];

        // The newest whose time has come; a clock that goes behind the one which made the first key has that one all the same.
        public TokenKey? SigningAt(DateTimeOffset now)
        {
            for (var i = All.Count - 1; i > 0; i--)
            {
                if (All[i].From <= now)
                {
                    return All[i];
                }
            }

            return All.Count > 0 ? All[0] : null;
        }
    }
}
