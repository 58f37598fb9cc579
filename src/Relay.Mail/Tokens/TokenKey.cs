using System.Security.Cryptography;
using System.Text;

namespace Relay.Mail.Tokens;

/// <summary>One of the secrets that tokens are signed with.</summary>
/// <param name="Number">0 to 255; it stands in each token.</param>
/// <param name="Secret">32 octets.</param>
/// <param name="From">When it begins to sign. Before that every node has come to know it.</param>
public sealed record TokenKey(int Number, byte[] Secret, DateTimeOffset From)
{
    public const int SecretBytes = 32;

    /// <summary>How many keys tokens can tell apart.</summary>
    public const int Numbers = 256;

    // A key of its own for each use: who learned something of one would know nothing of the other.
    internal byte[] SealingSecret { get; } = HKDF.DeriveKey(HashAlgorithmName.SHA256, Secret, SecretBytes, info: Encoding.ASCII.GetBytes("relay sealed tokens"));

    internal byte[] NonceSecret { get; } = HKDF.DeriveKey(HashAlgorithmName.SHA256, Secret, SecretBytes, info: Encoding.ASCII.GetBytes("relay sealed tokens' nonces"));
}
