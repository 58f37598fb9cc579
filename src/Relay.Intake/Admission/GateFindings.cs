using System.Diagnostics;
using Relay.Intake.Composition;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>What the gate has found out about a submission that it lets in; with it, the message that it becomes.</summary>
/// <param name="AuthorDomain">Of the first address in From.</param>
/// <param name="PacedTo">When its key's rate lets it go; null for at once.</param>
internal readonly record struct GateFindings(
    HeaderBlock Header, IReadOnlyList<Recipient> Recipients, Kind Kind, ListMail List, string AuthorDomain, DkimSigner? Signer, EnvelopeAddress? ReturnPath,
    Alignment Alignment, DateTimeOffset? PacedTo)
{
    /// <summary>The message, with what is written over its own fields: those that it lacks, those of list mail, and its signature.</summary>
    public Message ToMessage(Submission submission, DateTimeOffset now)
    {
        var credential = submission.Credential;
        var prologue = Completion.Prologue(Header, submission, AuthorDomain, now, out var messageId);
        if (!List.Fields.IsEmpty)
        {
            prologue = (byte[])[.. List.Fields.Span, .. prologue.Span];
        }

        if (Signer is not null && !List.IsPersonal)
        {
            // Last, on the very octets that leave; every attempt sends the same ones.
            prologue = Signature.OnTop(prologue, Header, submission, Signer, now);
        }

        return new Message
        {
            Id = submission.Id,
            Account = credential.Account,
            Credential = credential.Id,
            Source = submission.Source,
            Mode = credential.Mode,
            Class = Kind.Class,
            Stream = Kind.Stream,
            Envelope = submission.Envelope with
            {
                Recipients = Recipients,
                Tls = DemandOf(submission.Envelope, Header),
            },
            ReturnPath = ReturnPath,
            Content = new MessageContent
            {
                Prologue = prologue,
                Head = submission.Head,
                Chunks = submission.Chunks,
                Length = prologue.Length + submission.Length,
                HasEightBit = submission.HasEightBit,
                HasEightBitHeader = submission.HasEightBit && Header.HasEightBit(),
                BodyHash = List.IsPersonal ? Signature.BodyHashOf(submission, Header) : default,
            },
            AcceptedAt = now,
            SendAt = submission.SendAt,
            PacedTo = PacedTo,
            ExpiresAt = submission.ExpiresAt,
            Alignment = Alignment,
            From = HeaderText.Decode(Header.Value(HeaderField.From)),
            Subject = HeaderText.Decode(Header.Value(HeaderField.Subject)),
            MessageIdHeader = messageId,
            Tags = submission.Tags,
            Metadata = submission.Metadata,
            ReportsFailures = submission is { Source: MessageSource.Smtp, Envelope.Sender: not null } && credential.BounceMail,
            TraceParent = Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null,
        };
    }

    // The field counts only where it stands once, says No, and the envelope asks for nothing stricter (RFC 8689, 3 and 5).
    private static TlsDemand DemandOf(Envelope envelope, HeaderBlock header) =>
        envelope.Tls == TlsDemand.Policy && header.Count(HeaderField.TlsRequired) == 1
        && HeaderText.Unfold(header.Value(HeaderField.TlsRequired)).Trim().Equals("No", StringComparison.OrdinalIgnoreCase)
            ? TlsDemand.Waived
            : envelope.Tls;
}
