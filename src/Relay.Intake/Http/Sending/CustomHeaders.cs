using System.Collections.Frozen;
using Relay.Intake.Composition;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Sending;

/// <summary>Header fields of the client's own. Those that have a field of the request, or that servers write, are not theirs to set.</summary>
internal static class CustomHeaders
{
    // A message with more is not one of a person or a shop.
    private const int MaxHeaders = 100;
    private const int MaxName = 76;
    private const int MaxValue = 8_000;

    // A word cannot be folded, and a line may have 998 octets (RFC 5322, 2.1.1).
    private const int MaxWord = 800;

    private static readonly FrozenSet<string> Reserved = new[]
    {
        "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "MIME-Version", "Received",
        "Return-Path", "Delivered-To", "DKIM-Signature", "Authentication-Results", "Idempotency-Key",
        "Relay-Class", "Relay-Stream",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly string[] ReservedPrefixes = ["Content-", "Resent-", "ARC-"];

    public static IReadOnlyList<KeyValuePair<string, string>> Read(IReadOnlyDictionary<string, string>? headers, FieldErrors errors)
    {
        if (headers is null)
        {
            return [];
        }

        if (headers.Count > MaxHeaders)
        {
            errors.Add("headers", $"holds more than {MaxHeaders} fields");
            return [];
        }

        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in headers)
        {
            if (ProblemOf(name, value) is { } problem)
            {
                errors.Add(PlainText.IsOneLine(name) ? $"headers.{name}" : "headers", problem);
            }

            // One field to every reader of mail (RFC 5322, 1.2.2), be it to be there once, such as List-Unsubscribe, or not.
            if (!names.Add(name))
            {
                errors.Add(PlainText.IsOneLine(name) ? $"headers.{name}" : "headers", "stands there twice, in other letters");
            }
        }

        return [.. headers];
    }

    private static string? ProblemOf(string name, string? value) =>
        !IsName(name) ? $"is not a header field name: 1 to {MaxName} printable ASCII characters without colon, space and encoded word (=?…?=)"
        : Reserved.Contains(name) || ReservedPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            ? "is set by the relay or has a field of its own in the request"
        : value is null ? "must be a text"
        : !PlainText.IsOneLine(value) ? PlainText.Rule
        : value.Length > MaxValue || LongestWord(value) > MaxWord ? $"is longer than {MaxValue} characters, or has a word longer than {MaxWord}"
        : null;

    private static bool IsName(string name) =>
        name.Length is > 0 and <= MaxName && !name.AsSpan().ContainsAnyExceptInRange('!', '~') && !name.Contains(':', StringComparison.Ordinal)
        && PlainText.IsOneLine(name);

    private static int LongestWord(string value)
    {
        var longest = 0;
        foreach (var word in value.AsSpan().SplitAny(' ', '\t'))
        {
            longest = Math.Max(longest, word.End.Value - word.Start.Value);
        }

        return longest;
    }
}
