using System.Globalization;

namespace Relay.Smtp.Replies;

/// <summary>
/// One reply of the dialogue, ours or a remote's: a code, its enhanced code where there is one, and the text of each
/// line without either (RFC 5321, 4.2; RFC 2034).
/// </summary>
public sealed record SmtpReply(int Code, EnhancedStatusCode? Enhanced, IReadOnlyList<string> Lines)
{
    public SmtpReply(int code, string enhanced, string text)
        : this(code, Parse(enhanced), [text])
    {
    }

    /// <summary>2yz: the command was done.</summary>
    public bool IsPositive => Code is >= 200 and < 300;

    /// <summary>3yz: go on with the data.</summary>
    public bool IsIntermediate => Code is >= 300 and < 400;

    /// <summary>4yz: try again later.</summary>
    public bool IsTransient => Code is >= 400 and < 500;

    /// <summary>5yz: do not try again.</summary>
    public bool IsPermanent => Code is >= 500 and < 600;

    /// <summary>The reply on one line, as kept in timelines: <c>550 5.1.1 No such user</c>.</summary>
    public override string ToString()
    {
        var text = Lines.Count == 1 ? Lines[0] : string.Join(' ', Lines);
        return Enhanced is { } enhanced
            ? string.Create(CultureInfo.InvariantCulture, $"{Code} {enhanced} {text}")
            : string.Create(CultureInfo.InvariantCulture, $"{Code} {text}");
    }

    private static EnhancedStatusCode Parse(string enhanced) =>
        EnhancedStatusCode.TryParse(enhanced, out var code, out var length) && length == enhanced.Length
            ? code
            : throw new ArgumentException($"'{enhanced}' is not an enhanced status code", nameof(enhanced));
}
