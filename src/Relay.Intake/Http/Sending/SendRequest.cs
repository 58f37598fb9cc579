using System.ComponentModel;
using System.Text.Json.Serialization;
using Relay.Intake.Http.Json;
using Relay.Intake.Templates.Handlebars;

namespace Relay.Intake.Http.Sending;

/// <summary>The body of <c>POST /send</c>.</summary>
internal sealed record SendRequest
{
    [Description("The author; its domain must be verified for live mail.")]
    [JsonConverter(typeof(AddressConverter))]
    public AddressInput? From { get; init; }

    [Description("The recipients in To: one address or a list.")]
    [JsonConverter(typeof(AddressListConverter))]
    public IReadOnlyList<AddressInput>? To { get; init; }

    [Description("The recipients in Cc: one address or a list.")]
    [JsonConverter(typeof(AddressListConverter))]
    public IReadOnlyList<AddressInput>? Cc { get; init; }

    [Description("Get the message without standing in it: one address or a list.")]
    [JsonConverter(typeof(AddressListConverter))]
    public IReadOnlyList<AddressInput>? Bcc { get; init; }

    [Description("Where answers go: one address or a list.")]
    [JsonConverter(typeof(AddressListConverter))]
    public IReadOnlyList<AddressInput>? ReplyTo { get; init; }

    public string? Subject { get; init; }

    [Description("The body as plain text; give it, html, both, or a template.")]
    public string? Text { get; init; }

    [Description("The body as HTML.")]
    public string? Html { get; init; }

    [Description("The id of a template that the mail is written from. A subject beside it wins.")]
    public string? Template { get; init; }

    [Description("What the template prints, an object of anything.")]
    public Value.Map? Variables { get; init; }

    [Description("Further header fields by name, such as X-Order or List-Unsubscribe.")]
    [JsonConverter(typeof(TextMapConverter))]
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    public BoundedList<AttachmentInput>? Attachments { get; init; }

    [Description("Labels of your own; GET /messages shows them.")]
    [JsonConverter(typeof(TextListConverter))]
    public IReadOnlyList<string>? Tags { get; init; }

    [Description("Names and values of your own, kept with the message and not sent.")]
    [JsonConverter(typeof(TextMapConverter))]
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    [Description("\"transactional\" (the default) or \"bulk\".")]
    public string? Class { get; init; }

    [Description("The list or kind of mail it belongs to, such as \"newsletter\": who unsubscribes from one stream still gets the others. Bulk mail that names none is of the stream \"bulk\".")]
    public string? Stream { get; init; }

    [Description("Not before this time: ISO 8601, UTC where it names no offset.")]
    public string? SendAt { get; init; }

    [Description("\"required\": only over TLS to a host that proves its name; \"requiretls\": and every host behind it must hold to it too (RFC 8689).")]
    public string? Tls { get; init; }

    [Description("Given up so long after it was due: \"PT10M\" or \"00:10:00\".")]
    public string? ExpiresIn { get; init; }
}

internal sealed record AttachmentInput
{
    public string? Filename { get; init; }

    [Description("The file in base 64.")]
    [JsonConverter(typeof(Base64Converter))]
    public byte[]? Content { get; init; }

    [Description("Follows from the file name's ending when it is left out.")]
    public string? ContentType { get; init; }

    [Description("The name by which the HTML shows it: \"logo\" for cid:logo.")]
    public string? ContentId { get; init; }
}

/// <summary>The 202 of <c>POST /send</c>.</summary>
internal sealed record SendAnswer(string Id, string MessageId, string Status, IReadOnlyList<SendAnswer.Recipient> Recipients)
{
    internal sealed record Recipient(string Email, string Status);
}
