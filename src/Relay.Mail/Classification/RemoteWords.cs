using System.Globalization;
using System.Text;
using Relay.Smtp.Replies;

namespace Relay.Mail.Classification;

/// <summary>A refusal as a classifier looks at it: of a live dialogue or out of a mailed report.</summary>
public sealed class RemoteWords
{
    // Whatever matters stands at the front; what is longer is a page of advice.
    private const int MaxText = 4_000;

    private string? _plain;

    /// <summary>The reply code, 421 to 559; null where nobody gave one.</summary>
    public int? Code { get; init; }

    public EnhancedStatusCode? Status { get; init; }

    /// <summary>What was said, with or without its codes.</summary>
    public required string Text { get; init; }

    /// <summary>The name of the host that said it, as MX record or report name it.</summary>
    public string? Host { get; init; }

    public SmtpPhase Phase { get; init; }

    /// <summary>
    /// The words of a reply heard in a dialogue. Where its two codes contradict each other, the reply code says whether it is
    /// final (RFC 5321, 4.2.1): an enhanced code only explains it.
    /// </summary>
    public static RemoteWords Of(SmtpReply reply, string? host, SmtpPhase phase) => new()
    {
        Code = reply.Code,
        Status = reply.Enhanced is { } enhanced ? enhanced with { Class = reply.Code / 100 } : null,
        Text = string.Join(' ', reply.Lines),
        Host = host,
        Phase = phase,
    };

    /// <summary>Reads the codes out of a reply that somebody else wrote down: <c>550-5.1.1 No such user</c>, <c>unknown user (#5.1.1)</c>.</summary>
    public static RemoteWords Read(string text, string? host = null, SmtpPhase phase = SmtpPhase.Unknown) => new()
    {
        Code = ReplyCodes.FindCode(text),
        Status = ReplyCodes.FindStatus(text),
        Text = text,
        Host = host,
        Phase = phase,
    };

    /// <summary>Whether it is final by what the remote itself said; where it gave no code, it is taken as such.</summary>
    public bool IsPermanent => (Status?.Class ?? Code / 100) is not 4;

    /// <summary>
    /// The text as phrases are looked for in it: lower case, one blank between words, codes left out and each address
    /// reduced to <c>@</c>, for an address may itself read like an error: <c>user.unknown@example.com</c>.
    /// </summary>
    internal string Plain => _plain ??= Reduce(Text.Length > MaxText ? Text[..MaxText] : Text);

    private static string Reduce(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (var range in text.AsSpan().SplitAny(' ', '\t', '\r', '\n', '\u00A0', '\u3000'))
        {
            var word = ReplyCodes.Strip(text.AsSpan(range));
            if (word.IsEmpty)
            {
                continue;
            }

            if (plain.Length > 0)
            {
                plain.Append(' ');
            }

            AppendWord(plain, word);
        }

        return plain.ToString().ToLower(CultureInfo.InvariantCulture);
    }

    private static void AppendWord(StringBuilder plain, ReadOnlySpan<char> word)
    {
        int at;
        while ((at = word.IndexOf('@')) >= 0)
        {
            var start = at;
            while (start > 0 && IsAddressText(word[start - 1]))
            {
                start--;
            }

            var end = at + 1;
            while (end < word.Length && (char.IsLetterOrDigit(word[end]) || word[end] is '.' or '-'))
            {
                end++;
            }

            AppendLetters(plain, word[..start]);
            plain.Append('@');
            word = word[end..];
        }

        AppendLetters(plain, word);
    }

    private static void AppendLetters(StringBuilder plain, ReadOnlySpan<char> letters)
    {
        foreach (var c in letters)
        {
            switch (c)
            {
                case '<' or '>':
                    break;
                case '\u2018' or '\u2019':
                    plain.Append('\'');
                    break;
                default:
                    plain.Append(c);
                    break;
            }
        }
    }

    private static bool IsAddressText(char c) => char.IsLetterOrDigit(c) || "!#$%&'*+-/=?^_`{|}~.".Contains(c, StringComparison.Ordinal);
}
