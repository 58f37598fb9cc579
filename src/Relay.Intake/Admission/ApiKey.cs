using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Relay.Mail.Messages;

namespace Relay.Intake.Admission;

/// <summary>The secret of a credential: <c>rk_live_…</c> or <c>rk_test_…</c>, so that people and secret scanners know one when they see it.</summary>
public static class ApiKey
{
    // 192 bits: beyond guessing, and 24 octets fill 32 characters of base 64 without padding.
    private const int RandomOctets = 24;

    public static string Create(MessageMode mode)
    {
        Span<byte> random = stackalloc byte[RandomOctets];
        RandomNumberGenerator.Fill(random);
        return (mode == MessageMode.Test ? "rk_test_" : "rk_live_") + Base64Url.EncodeToString(random);
    }

    /// <summary>The SHA-256 under which a key is kept. Any text has one, so a malformed key costs the same as a wrong one.</summary>
    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
