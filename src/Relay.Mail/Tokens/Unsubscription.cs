using System.Text;
using Relay.Mail.Messages;

namespace Relay.Mail.Tokens;

/// <summary>What a link or an address to unsubscribe stands for: it needs nothing of the message, which is forgotten long before people are tired of a list.</summary>
/// <param name="Address">Of the recipient, as the envelope had it.</param>
/// <param name="Stream">The list that is left; null is all mail of the account.</param>
/// <param name="Mode">Of the mail that it came with. Whoever has a test key reads the links of test mail, to whomever that is addressed: they take off nobody.</param>
public sealed record Unsubscription(string Account, MessageId Message, string Address, string? Stream = null, MessageMode Mode = MessageMode.Live)
{
    private const string Test = "test";

    /// <summary>A sealed token; false while no key is known.</summary>
    /// <param name="at">Sealed as it would have been then; null is now.</param>
    public bool TrySeal(MailTokens tokens, out string token, DateTimeOffset? at = null) =>
        tokens.TrySeal(TokenPurpose.Unsubscribe, Encoding.UTF8.GetBytes($"{Account}\n{Message}\n{Address}\n{Stream}{(Mode == MessageMode.Test ? $"\n{Test}" : "")}"), out token, at);

    /// <summary>Null for whatever we did not seal.</summary>
    public static Unsubscription? Open(MailTokens tokens, ReadOnlySpan<char> token) =>
        tokens.TryOpen(TokenPurpose.Unsubscribe, token, out var claim)
        && Encoding.UTF8.GetString(claim).Split('\n') is [var account, var text, var address, var stream, .. var mode]
        && mode is [] or [Test]
        && MessageId.TryParse(text, out var message)
            ? new Unsubscription(account, message, address, stream.Length == 0 ? null : stream, mode.Length == 0 ? MessageMode.Live : MessageMode.Test)
            : null;
}
