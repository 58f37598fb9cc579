using System.Security.Cryptography;
using Relay.Mail.Accounts;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>Makes the keys of a domain.</summary>
internal static class KeyPair
{
    /// <summary>One key of each algorithm: RSA, which everybody knows, and Ed25519 beside it (RFC 8463).</summary>
    public static IReadOnlyList<DkimKey> CreateBoth(SendingDomain domain, KeySeal seal, DateTimeOffset now) =>
        [Create(DkimAlgorithm.Rsa, domain, seal, now), Create(DkimAlgorithm.Ed25519, domain, seal, now)];

    /// <summary>What a sealed key is bound to, so that it cannot be put under another domain.</summary>
    public static string PlaceOf(SendingDomain domain, string selector) => $"{domain.Account}/{domain.Name}/{selector}";

    // A selector follows from its key: never used twice, not even by a second relay or a domain added anew.
    private static DkimKey Create(DkimAlgorithm algorithm, SendingDomain domain, KeySeal seal, DateTimeOffset now)
    {
        var (privateKey, publicKey) = SigningKey.Create(algorithm);
        var kind = algorithm == DkimAlgorithm.Rsa ? "r" : "e";
        var selector = $"relay-{kind}{Convert.ToHexStringLower(SHA256.HashData(publicKey))[..7]}";
        return new DkimKey
        {
            Selector = selector,
            Algorithm = algorithm,
            PrivateKey = seal.Seal(privateKey, PlaceOf(domain, selector)),
            PublicKey = publicKey,
            CreatedAt = now,
        };
    }
}
