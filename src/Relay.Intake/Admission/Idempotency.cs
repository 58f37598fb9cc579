using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Relay.Intake.Composition;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Intake.Admission;

/// <summary>One request, one message, however often its client has to repeat it.</summary>
internal static class Idempotency
{
    /// <summary>How long a repetition meets the first. The queue keeps the keys of mail for as long.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    public const int MaxKeyLength = 255;
    public const string KeyRule = "must be 1 to 255 printable ASCII characters without spaces";

    public static bool IsKey(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= MaxKeyLength && !text.ContainsAnyExceptInRange('!', '~');

    /// <summary>The key that a submission has, if any: its client's, or where mail may be a repetition without one, one of its own. False for a wrong one.</summary>
    public static bool TryRead(Submission submission, HeaderBlock header, out IdempotencyKey? idempotency)
    {
        // The HTTP door read it from a header of the request; in SMTP mail it is a field of the content.
        idempotency = submission.Idempotency;
        if (submission.Source != MessageSource.Smtp)
        {
            return true;
        }

        if (header.Count(HeaderField.IdempotencyKey) == 0)
        {
            idempotency = submission.RepeatsWithin > TimeSpan.Zero ? Repeats.KeyOf(submission, header) : null;
            return true;
        }

        var key = HeaderText.Unfold(header.Value(HeaderField.IdempotencyKey));
        if (header.Count(HeaderField.IdempotencyKey) > 1 || !IsKey(key))
        {
            return false;
        }

        idempotency = Of(key, submission);
        return true;
    }

    /// <summary>
    /// The key of an SMTP submission. Its fingerprint covers the envelope and the content: whoever repeats himself says the
    /// same octets. Of what is behind the first 256 KiB the body's hash is at hand, taken while it passed by.
    /// </summary>
    public static IdempotencyKey Of(string key, Submission submission)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, submission.Envelope.Sender?.Text ?? "");
        foreach (var recipient in submission.Envelope.Recipients)
        {
            Append(hash, recipient.Address.Text);
        }

        Append(hash, submission.Length.ToString(CultureInfo.InvariantCulture));
        hash.AppendData(submission.Head.Span);
        hash.AppendData(submission.BodyHash.Span);
        return new IdempotencyKey(key, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    // No address holds a line feed, so what is one field and what two stays distinct.
    private static void Append(IncrementalHash hash, string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
}
