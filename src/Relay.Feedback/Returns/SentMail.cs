using System.Text;
using MimeKit;
using Relay.Mail.Bounces;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Feedback.Returns;

/// <summary>A message that has left, as far as it is still known when the world tells of it.</summary>
internal sealed class SentMail(MessageActivity activity)
{
    private readonly IReadOnlyList<RecipientStatus> _recipients = activity.Recipients();

    private readonly Lazy<Dictionary<string, int>> _byAddress = new(() => activity.Summary.Recipients
        .Select((address, index) => (Key: KeyOf(address), Index: index))
        .Where(recipient => recipient.Key is not null)
        .DistinctBy(recipient => recipient.Key)
        .ToDictionary(recipient => recipient.Key!, recipient => recipient.Index, StringComparer.Ordinal));

    public MessageActivity Activity => activity;

    public MessageId Id => activity.Id;

    public MessageSummary Summary => activity.Summary;

    public string Account => activity.Events[0].Account;

    /// <summary>
    /// What becomes of it says something about the account's own mail. Mail of the world that was sent on by a route does not, nor does test mail.
    /// </summary>
    public bool MaySuppress => Summary is { Source: not MessageSource.Inbound, Mode: MessageMode.Live };

    public RecipientState StateOf(int recipient) => _recipients[recipient].State;

    public bool IsUnderWay(int recipient) => !_recipients[recipient].HasEnded;

    /// <summary>
    /// Which recipient is meant: the one that the token was made for, or the one of these addresses; null when none fits. Where
    /// there is only one it is meant whatever the report calls it: that is where the mail was passed on to.
    /// </summary>
    public int? Find(MailToken token, params ReadOnlySpan<string?> addresses)
    {
        if (token.Recipient is { } named)
        {
            return named < Summary.Recipients.Count ? named : null;
        }

        foreach (var address in addresses)
        {
            if (KeyOf(address) is { } key && _byAddress.Value.TryGetValue(key, out var index))
            {
                return index;
            }
        }

        return Summary.Recipients.Count == 1 ? 0 : null;
    }

    public MailEvent EventOf(MailEventType type, int recipient, DateTimeOffset now) => new()
    {
        Time = now,
        Type = type,
        Message = Id,
        Account = Account,
        Recipient = Summary.Recipients[recipient],
        Stream = type == MailEventType.Bounced ? null : Summary.Stream,
        Suppresses = type == MailEventType.Bounced || MaySuppress ? null : false,
    };

    /// <summary>The message as a report to its sender needs it; null where nobody wants one. Of its content only the header's own copies are left.</summary>
    public Message? ForReport()
    {
        if (Summary.Reports is not { } terms || !EnvelopeAddress.TryParse(terms.Sender, out var sender))
        {
            return null;
        }

        var header = Header();
        return new Message
        {
            Id = Id,
            Account = Account,
            Credential = terms.Credential,
            Source = MessageSource.Smtp,
            Mode = Summary.Mode,
            ReportsFailures = true,
            Envelope = new Envelope
            {
                Sender = sender,
                EnvelopeId = terms.EnvelopeId,
                Recipients = [.. Summary.Recipients.Select((address, index) => RecipientOf(address, terms.Recipients?.FirstOrDefault(told => told.Index == index)))],
            },
            Content = new MessageContent { Prologue = ReadOnlyMemory<byte>.Empty, Head = header, Length = header.Length },
            AcceptedAt = activity.Events[0].Time,
            Subject = Summary.Subject,
            MessageIdHeader = Summary.MessageId,
        };
    }

    private static Recipient RecipientOf(string address, ReportedOn? told) => new()
    {
        Address = EnvelopeAddress.Parse(address),
        Notify = told?.Notify,
        OriginalRecipient = told?.OriginalRecipient,
    };

    // ASCII, whatever the subject is written in.
    private byte[] Header()
    {
        var header = new HeaderList();
        header.Add(HeaderId.Date, MimeKit.Utils.DateUtils.FormatDate(activity.Events[0].Time));
        header.Add(HeaderId.From, Encoding.UTF8, Summary.From);
        header.Add(HeaderId.Subject, Encoding.UTF8, Summary.Subject);
        if (!Summary.MessageId.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            header.Add(HeaderId.MessageId, $"<{Summary.MessageId}>");
        }

        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        using var stream = new MemoryStream();
        header.WriteTo(format, stream);
        stream.Write("\r\n"u8);
        return stream.ToArray();
    }

    private static string? KeyOf(string? address) => EnvelopeAddress.TryParse(address, out var parsed) ? Suppression.KeyOf(parsed) : null;
}
