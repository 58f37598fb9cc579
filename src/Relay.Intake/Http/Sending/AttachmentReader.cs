using MimeKit;
using Relay.Intake.Composition;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Sending;

/// <summary>Checks the attachments of a send request.</summary>
internal static class AttachmentReader
{
    // What a file system takes for a name.
    private const int MaxFileName = 255;
    private const int MaxContentId = 200;
    private const int MaxContentType = 200;

    // More files than a person opens; bounds the parts a receiver has to look through.
    private const int MaxAttachments = 100;

    public static IReadOnlyList<Attachment> Read(IReadOnlyList<AttachmentInput> inputs, FieldErrors errors)
    {
        if (inputs.Count > MaxAttachments)
        {
            errors.Add("attachments", $"holds more than {MaxAttachments} files");
            return [];
        }

        var attachments = new List<Attachment>(inputs.Count);
        for (var i = 0; i < inputs.Count; i++)
        {
            if (Read(inputs[i], $"attachments[{i}]", errors) is { } attachment)
            {
                attachments.Add(attachment);
            }
        }

        return attachments;
    }

    private static Attachment? Read(AttachmentInput? input, string field, FieldErrors errors)
    {
        if (input is null)
        {
            errors.Add(field, "must be an object");
            return null;
        }

        var fileName = input.Filename ?? "";
        if (fileName.Length is 0 or > MaxFileName || !PlainText.IsOneLine(fileName))
        {
            errors.Add($"{field}.filename", $"must be 1 to {MaxFileName} characters; it {PlainText.Rule}");
            return null;
        }

        if (input.Content is null)
        {
            errors.Add($"{field}.content", "is missing");
            return null;
        }

        if (input.ContentId is { } contentId && !IsContentId(contentId))
        {
            errors.Add($"{field}.contentId", $"must be 1 to {MaxContentId} printable ASCII characters without spaces, angle brackets and encoded words (=?…?=)");
            return null;
        }

        if (!TryReadType(input.ContentType ?? MimeTypes.GetMimeType(fileName), out var type))
        {
            errors.Add($"{field}.contentType", "must be a type like image/png; multipart and message cannot be attached, use application/octet-stream");
            return null;
        }

        return new Attachment(fileName, type, input.ContentId, input.Content);
    }

    private static bool IsContentId(string text) =>
        text.Length is > 0 and <= MaxContentId
        && !text.AsSpan().ContainsAnyExceptInRange('!', '~')
        && !text.AsSpan().ContainsAny('<', '>')
        && PlainText.IsOneLine(text);

    // Those two are structure, not files, and may not be encoded in base 64 (RFC 2045, 6.4).
    private static bool TryReadType(string text, out ContentType type)
    {
        type = null!;
        return text.Length <= MaxContentType
            && PlainText.IsOneLine(text)
            && ContentType.TryParse(text, out type!)
            && !type.MediaType.Equals("multipart", StringComparison.OrdinalIgnoreCase)
            && !type.MediaType.Equals("message", StringComparison.OrdinalIgnoreCase);
    }
}
