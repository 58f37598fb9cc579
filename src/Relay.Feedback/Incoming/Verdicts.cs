using Relay.Mail.Classification;
using Relay.Smtp.Replies;

namespace Relay.Feedback.Incoming;

/// <summary>Puts the classifier's judgement on one reported recipient.</summary>
internal static class Verdicts
{
    private const int MaxReply = 2_000;

    /// <param name="around">All that the report says; asked only where the words about this recipient decide nothing.</param>
    public static ReportedRecipient Judge(string address, string? original, RemoteWords words, string around, bool delayed)
    {
        var result = ReplyClassifier.Default.Classify(words);
        if (result.Fault == Fault.Undetermined && words.Text.Trim() != around.Trim())
        {
            var wider = ReplyClassifier.Default.Classify(new RemoteWords
            {
                Code = words.Code,
                Status = words.Status,
                Text = around,
                Host = words.Host,
                Phase = words.Phase,
            });
            result = wider.Fault == Fault.Undetermined ? result : wider;
        }

        // Whatever the words: mail that is still being tried has not failed.
        return new ReportedRecipient(
            address,
            original,
            (words.Status ?? StatusOf(words, result)).ToString(),
            OneLine(words.Text),
            result.Class,
            delayed ? Severity.Soft : result.Severity,
            result.Rule,
            delayed ? Consequence.None : result.Consequence)
        {
            IsDelayed = delayed,
        };
    }

    // The nearest code to what was understood, as RFC 5248 lists them, where nobody gave one.
    private static EnhancedStatusCode StatusOf(RemoteWords words, Classification result)
    {
        var kind = words.IsPermanent ? 5 : 4;
        return result.Class switch
        {
            "unknown-user" or "unproven-user" => new(kind, 1, 1),
            "unknown-domain" => new(kind, 1, 2),
            "no-mail-domain" => new(kind, 1, 10),
            "moved" => new(kind, 1, 6),
            "sender-refused" => new(kind, 1, 8),
            "mailbox-inactive" or "mailbox-locked" => new(kind, 2, 1),
            "mailbox-full" => new(kind, 2, 2),
            "too-big" => new(kind, 3, 4),
            "unreachable" => new(kind, 4, 1),
            "dns-failure" => new(kind, 4, 3),
            "loop" => new(kind, 4, 6),
            "expired" => new(kind, 4, 7),
            "malformed" => new(kind, 6, 0),
            "policy" or "blocked" or "sender-reputation" or "spam" or "virus" or "relay-denied" or "mailbox-refuses" => new(kind, 7, 1),
            _ => new(kind, 0, 0),
        };
    }

    private static string? OneLine(string text)
    {
        var line = string.Join(' ', (text.Length > MaxReply ? text[..MaxReply] : text).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length == 0 ? null : line;
    }
}
