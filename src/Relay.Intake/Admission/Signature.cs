using Relay.Intake.Composition;
using Relay.Mail.Signing;

namespace Relay.Intake.Admission;

/// <summary>Signs what is about to be accepted: once for all its destinations and attempts (ops/decisions/0008).</summary>
internal static class Signature
{
    private const int EmptyLine = 2;

    /// <summary>The prologue with the signatures above it.</summary>
    public static ReadOnlyMemory<byte> OnTop(
        ReadOnlyMemory<byte> prologue, HeaderBlock header, Submission submission, DkimSigner signer, DateTimeOffset now)
    {
        var head = submission.Head.Span;
        var signatures = signer.Sign(prologue.Span, head[..header.Length], BodyHashOf(submission, header).Span, now);
        return (byte[])[.. signatures, .. prologue.Span];
    }

    /// <summary>The hash of the body, as the door took it or taken now.</summary>
    public static ReadOnlyMemory<byte> BodyHashOf(Submission submission, HeaderBlock header)
    {
        if (!submission.BodyHash.IsEmpty)
        {
            return submission.BodyHash;
        }

        // The door alone saw what is behind the head.
        return submission.Chunks > 0
            ? throw new InvalidOperationException("a content with chunks came without the hash of its body")
            : BodyDigest.Of(submission.Head.Span[Math.Min(header.Length + EmptyLine, submission.Head.Length)..]);
    }
}
