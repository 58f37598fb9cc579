using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Intake.Http.Senders;

/// <summary>
/// What stands in the link that is mailed to an address: whose it is, and 192 random bits of which the store keeps the hash.
/// Nobody can make one up, and each is good once.
/// </summary>
internal sealed record ConfirmationLink(string Account, string Address, string Secret)
{
    private const int SecretOctets = 24;

    public static ConfirmationLink Create(string account, string address) =>
        new(account, address, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretOctets)));

    public byte[] Hash => SHA256.HashData(Encoding.UTF8.GetBytes(Secret));

    public static ConfirmationLink? Read(string token)
    {
        var parts = token.Split('.');
        if (parts.Length != 2 || !Base64Url.IsValid(parts[0]))
        {
            return null;
        }

        return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[0])).Split('\n') is [var account, var address]
            ? new ConfirmationLink(account, address, parts[1])
            : null;
    }

    public override string ToString() => $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{Account}\n{Address}"))}.{Secret}";
}
