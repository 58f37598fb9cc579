using Microsoft.Extensions.Options;
using MimeKit;
using MimeKit.Utils;
using Relay.Mail;
using Relay.Mail.Bounces;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Feedback.Bounces;

/// <summary>
/// Writes the letter that tells a sender which recipients did not get a message and why, or of which nothing more will be
/// heard: a multipart/report of words for people, fields for programs, and the message's own header (RFC 3462, RFC 3464).
/// </summary>
internal sealed class FailureReports(IOptions<RelayOptions> relay, TimeProvider time) : IFailureReports
{
    private const int MaxSubject = 200;

    private readonly string _host = relay.Value.HostName;

    public Message? Compose(Message original, IReadOnlyList<FailedRecipient> failures)
    {
        var reported = failures.Where(failure => IsWanted(original, failure.Index, DsnNotify.Failure)).ToList();
        return SenderOf(original) is { } sender && reported.Count > 0
            ? Compose(original, sender, new Letter("Undeliverable", FailureText.Write(original, reported, _host), [.. reported.Select(Fate.Of)]))
            : null;
    }

    public Message? ComposeRelayed(Message original, IReadOnlyList<RelayedRecipient> relayed)
    {
        var reported = relayed.Where(recipient => IsWanted(original, recipient.Index, DsnNotify.Success)).ToList();
        return SenderOf(original) is { } sender && reported.Count > 0
            ? Compose(original, sender, new Letter("Relayed", RelayedText.Write(original, reported, _host), [.. reported.Select(Fate.Of)]))
            : null;
    }

    // Never about a message that was itself a report: that is how mail loops begin (RFC 5321, 6.1).
    private static EnvelopeAddress? SenderOf(Message original) =>
        original is { ReportsFailures: true, Source: MessageSource.Smtp } ? original.Envelope.Sender : null;

    // Silence means FAILURE (RFC 3461, 4.1); NEVER, and a list without FAILURE, mean none.
    private static bool IsWanted(Message original, int recipient, DsnNotify what) =>
        (original.Envelope.Recipients[recipient].Notify ?? DsnNotify.Failure).HasFlag(what);

    private Message Compose(Message original, EnvelopeAddress sender, Letter letter)
    {
        var id = MessageId.Create(time, original.Id.Slot);
        var subject = SubjectOf(original, letter.Title);
        var content = Write(original, sender, letter, id, subject, ReturnedContent.Of(original));
        if (content.Length > MessageContent.ChunkBytes)
        {
            // A report must stand in one record: it is accepted in the step that ends the failed unit.
            content = Write(original, sender, letter, id, subject, ReturnedContent.ShortHeaderOf(original));
        }

        var hasEightBit = content.AsSpan().ContainsAnyExceptInRange((byte)0, (byte)127);
        return new Message
        {
            Id = id,
            Account = original.Account,
            Credential = original.Credential,
            Source = MessageSource.Report,
            Mode = original.Mode,
            Class = MessageClass.Inbound,
            Envelope = new Envelope
            {
                Sender = null,
                Recipients = [new Recipient { Address = sender }],
                EightBitMime = hasEightBit,
                SmtpUtf8 = !System.Text.Ascii.IsValid(sender.LocalPart),
            },
            Content = new MessageContent
            {
                Prologue = ReadOnlyMemory<byte>.Empty,
                Head = content,
                Length = content.Length,
                HasEightBit = hasEightBit,
                HasEightBitHeader = !System.Text.Ascii.IsValid(sender.LocalPart),
            },
            AcceptedAt = time.GetUtcNow(),
            From = $"Mail Delivery System <{DaemonAddress}>",
            Subject = subject,
            MessageIdHeader = $"{id}@{_host}",
            TraceParent = original.TraceParent,
        };
    }

    private string DaemonAddress => $"MAILER-DAEMON@{_host}";

    private byte[] Write(Message original, EnvelopeAddress sender, Letter letter, MessageId id, string subject, MimePart returned)
    {
        using var report = new MimeMessage();
        report.From.Add(new MailboxAddress("Mail Delivery System", DaemonAddress));
        report.To.Add(new MailboxAddress("", sender.AsciiDomainText));
        report.Subject = subject;
        report.Date = time.GetUtcNow();
        report.MessageId = $"{id}@{_host}";
        // So that no out-of-office note answers it (RFC 3834, 5).
        report.Headers.Add(HeaderId.AutoSubmitted, "auto-replied");
        if (IsMessageId(original.MessageIdHeader))
        {
            report.InReplyTo = original.MessageIdHeader;
            report.References.Add(original.MessageIdHeader);
        }

        var words = new TextPart("plain") { Text = letter.Words };
        words.Prepare(EncodingConstraint.SevenBit, maxLineLength: 998);
        report.Body = new MultipartReport("delivery-status")
        {
            words,
            DeliveryStatus.Write(original, letter.Recipients, _host),
            returned,
        };

        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        format.International = !System.Text.Ascii.IsValid(sender.LocalPart);

        using var stream = new MemoryStream();
        report.WriteTo(format, stream);
        return stream.ToArray();
    }

    private static string SubjectOf(Message original, string title)
    {
        var subject = original.Subject.Length > MaxSubject ? $"{original.Subject.AsSpan(0, MaxSubject)}…" : original.Subject;
        return subject.Length == 0 ? $"{title} mail" : $"{title}: {subject}";
    }

    // Only what every program takes for one; a client may have sent anything. The fields throw at what the last look refuses.
    private static bool IsMessageId(string text) =>
        text.Contains('@', StringComparison.Ordinal)
        && !text.AsSpan().ContainsAnyExceptInRange('!', '~')
        && !text.AsSpan().ContainsAny('<', '>')
        && MimeUtils.ParseMessageId(text) is not null;

    /// <param name="Title">In a word, for the subject.</param>
    /// <param name="Words">For people.</param>
    private sealed record Letter(string Title, string Words, IReadOnlyList<Fate> Recipients);
}
