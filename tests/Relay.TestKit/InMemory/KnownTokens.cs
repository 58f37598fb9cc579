using Relay.Mail.Tokens;

namespace Relay.TestKit.InMemory;

/// <summary>Tokens with a key that is known already.</summary>
public static class KnownTokens
{
    public static MailTokens Create(TimeProvider time)
    {
        var tokens = new MailTokens(time);
        tokens.Use([new TokenKey(0, [.. Enumerable.Range(0, TokenKey.SecretBytes).Select(n => (byte)n)], DateTimeOffset.MinValue)]);
        return tokens;
    }
}
