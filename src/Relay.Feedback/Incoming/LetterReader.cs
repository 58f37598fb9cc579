using System.Text;
using MimeKit;

namespace Relay.Feedback.Incoming;

/// <summary>Takes a raw message apart. Daemons break every rule of MIME, so whatever has no better name counts as text.</summary>
internal sealed class LetterReader
{
    // Deeper than any report; what is nested further is left as one opaque part.
    private const int MaxDepth = 20;
    private const int MaxParts = 200;
    private const int MaxText = 256 * 1024;
    private const int MaxFields = 2_000;

    // Unfolding costs the parser the square of the length; no field of a report is longer.
    private const int MaxFold = 16 * 1024;

    // Lines that may be boundaries. Each part is an object of many, and what a report says stands in its first few.
    private const int MaxBoundaries = 1_000;

    private static readonly ParserOptions Options = new()
    {
        AddressParserComplianceMode = RfcComplianceMode.Loose,
        ParameterComplianceMode = RfcComplianceMode.Loose,
        Rfc2047ComplianceMode = RfcComplianceMode.Loose,
        CharsetEncoding = Encoding.Latin1,
        MaxMimeDepth = MaxDepth,
    };

    private readonly StringBuilder _text = new();
    private readonly List<string> _status = [];
    private readonly List<string> _feedback = [];
    private string? _html;
    private FieldList? _returned;
    private bool _isReceipt;
    private int _parts;

    public static Letter Read(ReadOnlySpan<byte> message)
    {
        var octets = Tidy(message);
        try
        {
            using var stream = new MemoryStream(octets, writable: false);
            using var mime = new MimeParser(Options, stream, MimeFormat.Entity).ParseMessage();
            var letter = new LetterReader().Take(mime);
            return letter.IsEmpty ? letter with { Text = Charsets.Decode(BodyOf(octets), mime.Body?.ContentType.Charset) } : letter;
        }
        // The parser's way to say that there is no header, or that it cannot go on.
        catch (Exception e) when (e is FormatException or IOException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            return new Letter { Header = new FieldList(), Text = Charsets.Decode(octets, null) };
        }
    }

    private Letter Take(MimeMessage mime)
    {
        var header = FieldsOf(mime.Headers);
        if (mime.Body is not null)
        {
            Visit(mime.Body);
        }

        if (string.IsNullOrWhiteSpace(_text.ToString()) && _html is not null)
        {
            _text.Append(HtmlText.Of(_html));
        }

        return new Letter
        {
            Header = header,
            Text = _text.ToString(),
            Status = _status,
            Feedback = _feedback,
            ReturnedPart = _returned,
            IsReceipt = _isReceipt,
        };
    }

    private void Visit(MimeEntity entity)
    {
        if (++_parts > MaxParts)
        {
            return;
        }

        switch (entity)
        {
            case Multipart multipart:
                foreach (var child in multipart)
                {
                    Visit(child);
                }

                break;
            case MessagePart { Message: { } returned }:
                _returned ??= FieldsOf(returned.Headers);
                break;
            case MimePart part:
                Visit(part);
                break;
        }
    }

    private void Visit(MimePart part)
    {
        switch ($"{part.ContentType.MediaType}/{part.ContentType.MediaSubtype}".ToLowerInvariant())
        {
            case "message/delivery-status" or "message/global-delivery-status":
                _status.Add(Decode(part));
                break;
            case "message/feedback-report":
                _feedback.Add(Decode(part));
                break;
            case "message/disposition-notification" or "message/global-disposition-notification":
                _isReceipt = true;
                break;
            case "text/rfc822-headers" or "text/rfc822-header" or "message/rfc822-headers" or "message/global-headers" or "message/partial" or "message/rfc822":
                _returned ??= FieldList.Parse(Decode(part));
                break;
            case "text/html":
                _html ??= Decode(part);
                break;
            // The mail given back, as a file.
            case "text/plain" when part.IsAttachment && _text.Length > 0:
                _returned ??= FieldList.Parse(Decode(part));
                break;
            case var type when type.StartsWith("text/", StringComparison.Ordinal) || type.StartsWith("message/", StringComparison.Ordinal):
                if (_text.Length < MaxText)
                {
                    _text.Append(Decode(part)).Append("\n\n");
                }

                break;
        }
    }

    private static string Decode(MimePart part)
    {
        if (part.Content is null)
        {
            return "";
        }

        using var octets = new MemoryStream();
        part.Content.DecodeTo(octets);
        var text = Charsets.Decode(octets.GetBuffer().AsSpan(0, (int)octets.Length), part.ContentType.Charset);
        return text.Length > MaxText ? text[..MaxText] : text;
    }

    private static FieldList FieldsOf(HeaderList headers)
    {
        var fields = new FieldList();
        foreach (var header in headers.Take(MaxFields))
        {
            fields.Add(header.Field, header.Value);
        }

        return fields;
    }

    // All behind the header: a boundary that is never met hides every part.
    private static ReadOnlySpan<byte> BodyOf(ReadOnlySpan<byte> octets)
    {
        var dos = octets.IndexOf("\r\n\r\n"u8);
        var unix = octets.IndexOf("\n\n"u8);
        var end = dos < 0 ? unix : unix < 0 ? dos : Math.Min(dos, unix);
        var body = end < 0 ? [] : octets[end..];
        return body.Length > MaxText ? body[..MaxText] : body;
    }

    // An mbox's first line, blank lines in front, NULs, and lines that end with CR alone.
    private static byte[] Tidy(ReadOnlySpan<byte> message)
    {
        var start = 0;
        while (start < message.Length && message[start] is (byte)'\r' or (byte)'\n' or (byte)' ' or 0xEF or 0xBB or 0xBF)
        {
            start++;
        }

        message = message[start..];
        if (message.StartsWith("From "u8) && message.IndexOfAny((byte)'\r', (byte)'\n') is var end and > 0)
        {
            message = message[end..].TrimStart("\r\n"u8);
        }

        var octets = message.ToArray();
        octets.AsSpan().Replace((byte)0, (byte)' ');
        if (octets.AsSpan().IndexOf((byte)'\n') < 0)
        {
            octets.AsSpan().Replace((byte)'\r', (byte)'\n');
        }

        return octets.AsSpan(0, Prune(octets)).ToArray();
    }

    // Moves what is kept to the front: not the rest of a field that folds without end, nor what stands behind too many boundaries.
    private static int Prune(Span<byte> octets)
    {
        var kept = 0;
        var folded = 0;
        var boundaries = 0;
        for (var at = 0; at < octets.Length;)
        {
            var end = octets[at..].IndexOf((byte)'\n');
            var line = octets.Slice(at, end < 0 ? octets.Length - at : end + 1);
            at += line.Length;
            folded = line[0] is (byte)' ' or (byte)'\t' ? folded + line.Length : 0;
            if (line.StartsWith("--"u8) && ++boundaries > MaxBoundaries)
            {
                break;
            }

            if (folded <= MaxFold)
            {
                line.CopyTo(octets[kept..]);
                kept += line.Length;
            }
        }

        return kept;
    }
}
