using System.Text;
using System.Text.Json;
using Relay.Mail.Classification;

namespace Relay.Feedback.Incoming;

/// <summary>
/// What Amazon SES sends by mail where a topic has a mail address: its JSON, as the text of the mail, alone or in the
/// envelope of SNS.
/// </summary>
internal static class ServiceNotices
{
    public static IncomingReport? Read(Letter letter)
    {
        var start = letter.Text.IndexOf('{', StringComparison.Ordinal);
        return start >= 0 && letter.Text.ContainsAny("\"notificationType\"", "\"eventType\"", "\\\"notificationType\\\"", "\\\"eventType\\\"") ? Read(letter.Text[start..]) : null;
    }

    private static IncomingReport? Read(string text)
    {
        try
        {
            // Long lines were broken on their way, inside of strings too. The rest of the mail, a footer, follows the value.
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" ")), isFinalBlock: true, new JsonReaderState(new JsonReaderOptions { MaxDepth = 32 }));
            if (!JsonDocument.TryParseValue(ref reader, out var document))
            {
                return null;
            }

            using (document)
            {
                var root = document.RootElement;
                return Text(root, "Message") is { } inner && inner.TrimStart().StartsWith('{') ? Read(inner) : Read(root);
            }
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static IncomingReport? Read(JsonElement notice) => (Text(notice, "notificationType") ?? Text(notice, "eventType"))?.ToLowerInvariant() switch
    {
        "bounce" => new IncomingReport
        {
            Kind = ReportKind.Bounce,
            Recipients = [.. Items(Member(notice, "bounce"), "bouncedRecipients").Select(recipient => Bounced(recipient, Member(notice, "bounce"))).OfType<ReportedRecipient>()],
            OriginalMessageId = Text(Member(notice, "mail"), "messageId"),
        },
        "complaint" => new IncomingReport
        {
            Kind = ReportKind.Complaint,
            FeedbackType = Text(Member(notice, "complaint"), "complaintFeedbackType") ?? "abuse",
            Recipients = [.. Items(Member(notice, "complaint"), "complainedRecipients").Select(recipient => Text(recipient, "emailAddress")).OfType<string>()
                .Select(address => new ReportedRecipient(address, null, null, null, Text(Member(notice, "complaint"), "complaintFeedbackType") ?? "abuse", null, "feedback", Consequence.Suppress))],
            OriginalMessageId = Text(Member(notice, "mail"), "messageId"),
        },
        "delivery" or "send" or "open" or "click" => IncomingReport.Other,
        _ => null,
    };

    private static ReportedRecipient? Bounced(JsonElement recipient, JsonElement bounce)
    {
        if (Text(recipient, "emailAddress") is not { } address)
        {
            return null;
        }

        var said = Text(recipient, "diagnosticCode") ?? $"{Text(bounce, "bounceType")} {Text(bounce, "bounceSubType")}";
        var words = RemoteWords.Read(said);
        return Verdicts.Judge(
            AddressText.Find(address) ?? address,
            null,
            new RemoteWords { Code = words.Code, Status = words.Status ?? (Text(recipient, "status") is { } status ? RemoteWords.Read(status).Status : null), Text = said },
            said,
            delayed: false);
    }

    private static JsonElement Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? value : default;

    private static string? Text(JsonElement element, string name) => Member(element, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    private static IEnumerable<JsonElement> Items(JsonElement element, string name) => Member(element, name) is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : [];
}
