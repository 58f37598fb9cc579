using System.Text.Json.Serialization;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Sending;

/// <summary>The body of <c>POST /send</c>.</summary>
internal sealed record SendRequest
{
    [JsonConverter(typeof(AddressConverter))]
    public AddressInput? From { get; init; }

    [JsonConverter(typeof(AddressListConverter))]
    public IReadOnlyList<AddressInput>? To { get; init; }

    [JsonConverter(typeof(AddressListConverter))]
    public IReadOnlyList<AddressInput>? Cc { get; init; }

    /// <summary>Gets the message without standing in it.</summary>
    [JsonConverter(typeof(AddressListConverter))]
    public IReadOnlyList<AddressInput>? Bcc { get; init; }

    [JsonConverter(typeof(AddressListConverter))]
    public IReadOnlyList<AddressInput>? ReplyTo { get; init; }

    public string? Subject { get; init; }
    public string? Text { get; init; }
    public string? Html { get; init; }
    public IReadOnlyDictionary<string, string>? Headers { get; init; }
    public IReadOnlyList<AttachmentInput>? Attachments { get; init; }

    [JsonConverter(typeof(TextListConverter))]
    public IReadOnlyList<string>? Tags { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary><c>transactional</c> or <c>bulk</c>.</summary>
    public string? Class { get; init; }

    /// <summary>ISO 8601; UTC where it names no offset.</summary>
    public string? SendAt { get; init; }

    /// <summary>Given up so long after <see cref="SendAt"/>: <c>PT10M</c> or <c>00:10:00</c>.</summary>
    public string? ExpiresIn { get; init; }
}

internal sealed record AttachmentInput
{
    public string? Filename { get; init; }

    /// <summary>Base 64.</summary>
    [JsonConverter(typeof(Base64Converter))]
    public byte[]? Content { get; init; }

    /// <summary>Follows from the file name's ending when it is left out.</summary>
    public string? ContentType { get; init; }

    /// <summary>The name by which the HTML shows it: <c>cid:logo</c>.</summary>
    public string? ContentId { get; init; }
}

/// <summary>The 202 of <c>POST /send</c>.</summary>
internal sealed record SendAnswer(string Id, string MessageId, string Status, IReadOnlyList<SendAnswer.Recipient> Recipients)
{
    internal sealed record Recipient(string Email, string Status);
}
