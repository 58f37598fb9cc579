using System.Globalization;
using System.Xml;
using Relay.Intake.Composition;
using Relay.Intake.Http.Json;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Sending;

/// <summary>Checks a send request field by field and says everything that is wrong with it at once.</summary>
internal sealed class DraftReader(SendRequest request, int maxRecipients, DateTimeOffset now)
{
    // As many labels as a page of statistics can show.
    private const int MaxTags = 20;
    private const int MaxTagLength = 128;

    // Both travel with each event of the message.
    private const int MaxMetadata = 50;
    private const int MaxMetadataKey = 64;
    private const int MaxMetadataValue = 1_000;

    private const int MaxSubject = 998;
    private const int MaxName = 500;

    // Beyond a year it is a mistake of units, seconds for milliseconds.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(366);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(30);

    private readonly FieldErrors _errors = new();

    /// <exception cref="ProblemException">A field is wrong; all that are, are named.</exception>
    public Draft Read()
    {
        var from = request.From is null ? Missing("from") : ReadAddress(request.From, "from");
        var to = ReadAddresses(request.To, "to");
        var cc = ReadAddresses(request.Cc, "cc");
        var bcc = ReadAddresses(request.Bcc, "bcc");
        var replyTo = ReadAddresses(request.ReplyTo, "replyTo");
        CheckRecipientCount();

        var subject = ReadLine(request.Subject ?? "", "subject", MaxSubject);
        CheckWords(request.Text, "text");
        CheckWords(request.Html, "html");
        var attachments = AttachmentReader.Read(request.Attachments ?? [], _errors);
        if (request.Text is null && request.Html is null && attachments.Count == 0)
        {
            _errors.Add("text", "is missing; give text, html, both, or a template");
        }

        var headers = CustomHeaders.Read(request.Headers, _errors);
        var sendAt = ReadSendAt();
        var expiresIn = ReadExpiresIn();
        var @class = ReadClass();
        var tls = ReadTls();
        CheckStream();
        CheckTags();
        CheckMetadata();
        _errors.ThrowIfAny();

        var letter = new Letter
        {
            From = from!,
            To = to,
            Cc = cc,
            ReplyTo = replyTo,
            Subject = subject,
            Text = request.Text,
            Html = request.Html,
            Headers = headers,
            Attachments = attachments,
        };
        return new Draft(letter, [.. to, .. cc, .. bcc])
        {
            Class = @class,
            Stream = request.Stream,
            Tls = tls,
            SendAt = sendAt,
            ExpiresIn = expiresIn,
            Tags = request.Tags ?? [],
            Metadata = request.Metadata ?? new Dictionary<string, string>(),
        };
    }

    private Mailbox? Missing(string field)
    {
        _errors.Add(field, "is missing");
        return null;
    }

    private List<Mailbox> ReadAddresses(IReadOnlyList<AddressInput>? inputs, string field)
    {
        var addresses = new List<Mailbox>(inputs?.Count ?? 0);
        for (var i = 0; i < inputs?.Count; i++)
        {
            var name = inputs.Count == 1 ? field : string.Create(CultureInfo.InvariantCulture, $"{field}[{i}]");
            if (ReadAddress(inputs[i], name) is { } address)
            {
                addresses.Add(address);
            }
        }

        return addresses;
    }

    private Mailbox? ReadAddress(AddressInput input, string field)
    {
        var read = input.Text is { } text
            ? MailboxText.TryRead(text, out var mailbox, out var problem)
            : MailboxText.TryRead(input.Email ?? "", input.Name ?? "", out mailbox, out problem);
        if (!read)
        {
            _errors.Add(field, $"is not an address: {problem}");
            return null;
        }

        if (mailbox.Name.Length > MaxName)
        {
            _errors.Add(field, $"has a name longer than {MaxName} characters");
        }

        return mailbox;
    }

    // Counted as they were given, so that the answer does not depend on which of them are good.
    private void CheckRecipientCount()
    {
        var given = (request.To?.Count ?? 0) + (request.Cc?.Count ?? 0) + (request.Bcc?.Count ?? 0);
        if (given == 0)
        {
            _errors.Add("to", "is missing; give at least one recipient in to, cc or bcc");
        }
        else if (given > maxRecipients)
        {
            _errors.Add("to", string.Create(CultureInfo.InvariantCulture, $"has, with cc and bcc, {given} recipients; a message may have {maxRecipients}"));
        }
    }

    private string ReadLine(string text, string field, int longest)
    {
        if (!PlainText.IsOneLine(text))
        {
            _errors.Add(field, PlainText.Rule);
        }
        else if (text.Length > longest)
        {
            _errors.Add(field, $"is longer than {longest} characters");
        }

        return text;
    }

    // Line breaks are what a body is made of, but a NUL is in no text (RFC 5321, 4.5.2).
    private void CheckWords(string? text, string field)
    {
        if (text?.Contains('\0', StringComparison.Ordinal) == true)
        {
            _errors.Add(field, "must not hold NUL");
        }
    }

    private MessageClass ReadClass()
    {
        switch (request.Class)
        {
            case null or "transactional":
                return MessageClass.Transactional;
            case "bulk":
                return MessageClass.Bulk;
            default:
                _errors.Add("class", "must be transactional or bulk");
                return default;
        }
    }

    private void CheckStream()
    {
        if (request.Stream is { } stream && !StreamName.IsValid(stream))
        {
            _errors.Add("stream", StreamName.Rule);
        }
    }

    private TlsDemand ReadTls()
    {
        switch (request.Tls)
        {
            case null:
                return TlsDemand.Policy;
            case "required":
                return TlsDemand.Verified;
            case "requiretls":
                return TlsDemand.RequireTls;
            default:
                _errors.Add("tls", "must be required or requiretls, or left out");
                return default;
        }
    }

    private DateTimeOffset? ReadSendAt()
    {
        if (request.SendAt is null)
        {
            return null;
        }

        if (!TimeInput.TryRead(request.SendAt, out var sendAt))
        {
            _errors.Add("sendAt", TimeInput.Wanted);
        }
        else if (sendAt - now > LongestDelay)
        {
            _errors.Add("sendAt", "is more than a year from now");
        }

        return sendAt;
    }

    private TimeSpan? ReadExpiresIn()
    {
        if (request.ExpiresIn is not { } text)
        {
            return null;
        }

        if (!TryReadDuration(text, out var duration))
        {
            _errors.Add("expiresIn", "must be a duration like PT10M or 00:10:00");
        }
        else if (duration <= TimeSpan.Zero || duration > LongestLife)
        {
            _errors.Add("expiresIn", $"must be more than nothing and at most {LongestLife.TotalDays:0} days");
        }

        return duration;
    }

    private static bool TryReadDuration(string text, out TimeSpan duration)
    {
        // A bare number is refused: to one reader it is seconds, to .NET it is days.
        if (text.Contains(':', StringComparison.Ordinal))
        {
            return TimeSpan.TryParseExact(text, ["c", @"h\:mm\:ss", @"h\:mm"], CultureInfo.InvariantCulture, out duration);
        }

        try
        {
            duration = XmlConvert.ToTimeSpan(text);
            return text[0] == 'P';
        }
        catch (Exception exception) when (exception is FormatException or OverflowException)
        {
            duration = default;
            return false;
        }
    }

    private void CheckTags()
    {
        if (request.Tags is not { } tags)
        {
            return;
        }

        if (tags.Count > MaxTags)
        {
            _errors.Add("tags", $"holds more than {MaxTags} tags");
            return;
        }

        for (var i = 0; i < tags.Count; i++)
        {
            ReadLine(tags[i], $"tags[{i}]", MaxTagLength);
        }
    }

    private void CheckMetadata()
    {
        if (request.Metadata is not { } metadata)
        {
            return;
        }

        if (metadata.Count > MaxMetadata)
        {
            _errors.Add("metadata", $"holds more than {MaxMetadata} entries");
            return;
        }

        foreach (var (key, value) in metadata)
        {
            if (key.Length is 0 or > MaxMetadataKey || !PlainText.IsOneLine(key))
            {
                _errors.Add("metadata", $"has a key that is not of 1 to {MaxMetadataKey} characters; a key {PlainText.Rule}");
            }
            else if (value is null or { Length: > MaxMetadataValue })
            {
                _errors.Add($"metadata.{key}", $"must be a text of at most {MaxMetadataValue} characters");
            }
        }
    }
}
