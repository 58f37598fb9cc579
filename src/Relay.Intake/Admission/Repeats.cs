using System.Security.Cryptography;
using System.Text;
using Relay.Intake.Composition;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;

namespace Relay.Intake.Admission;

/// <summary>
/// Mail over SMTP that comes again, since its client did not hear our 250: the same credential, Message-ID, recipients and body, however
/// they stand in order. It is kept like an Idempotency-Key that the client did not give; where it gave one, that counts.
/// </summary>
internal static class Repeats
{
    /// <summary>The key of a submission; null for one without a Message-ID of its own, which nothing tells from another.</summary>
    public static IdempotencyKey? KeyOf(Submission submission, HeaderBlock header)
    {
        if (NameOf(submission.Credential, header) is not { } name)
        {
            return null;
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var recipient in submission.Envelope.Recipients.Select(r => r.Address.Text).Distinct().Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(recipient + "\n"));
        }

        hash.AppendData(Signature.BodyHashOf(submission, header).Span);

        // All that has to be the same stands in the key, so what meets it is the same.
        return new IdempotencyKey($"{name}{IdempotencyKey.Besides}{Short(hash.GetHashAndReset())}", "") { Kept = submission.RepeatsWithin };
    }

    /// <summary>The slot of such a key, as its header tells when the body has not come yet; null where it will have none.</summary>
    public static int? SlotOf(Credential credential, HeaderBlock header) =>
        NameOf(credential, header) is { } name ? new IdempotencyKey(name, "").SlotFor(credential.Account) : null;

    // No client's own key holds a blank. A field with nothing in it is as good as missing: all mail that has one would be the same.
    private static string? NameOf(Credential credential, HeaderBlock header) =>
        header.Count(HeaderField.MessageId) == 1 && HeaderText.Unfold(header.Value(HeaderField.MessageId)).Trim() is { Length: > 0 } id
            ? "mail " + Short(SHA256.HashData(Encoding.UTF8.GetBytes($"{credential.Id}\n{id}")))
            : null;

    private static string Short(byte[] hash) => Convert.ToHexStringLower(hash.AsSpan(0, 16));
}
