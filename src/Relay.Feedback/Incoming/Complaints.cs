using Relay.Mail.Classification;

namespace Relay.Feedback.Incoming;

/// <summary>Complaints of readers: feedback reports (RFC 5965), and the older forms that big providers kept.</summary>
internal static class Complaints
{
    public static IncomingReport? Read(Letter letter)
    {
        var fields = letter.Feedback.Select(FieldList.Parse).FirstOrDefault(list => list.Has("Feedback-Type"));
        if (fields is null && letter.Feedback.Count > 0)
        {
            fields = FieldList.Parse(letter.Feedback[0]);
        }

        if (fields is null && IsReportType(letter) && letter.Text.Contains("Feedback-Type:", StringComparison.OrdinalIgnoreCase))
        {
            fields = new FieldList();
            foreach (var (name, value) in FieldList.ReadFields(letter.Text).Where(field => field.Name is not null))
            {
                fields.Add(name!, value);
            }
        }

        if (fields is null)
        {
            return IsOldForm(letter) ? Complaint(letter, "abuse", letter.ReturnedTo.Take(1)) : null;
        }

        var type = fields["Feedback-Type"]?.Trim().ToLowerInvariant() ?? "abuse";
        // RFC 6591 and RFC 5965, 7.3: a failed check of authentication, or a reader who says that it was no spam after all.
        if (type is "auth-failure" or "not-spam" or "dmarc" or "dkim")
        {
            return IncomingReport.Other with { IsNews = true, FeedbackType = type, OriginalMessageId = letter.Returned["Message-ID"] };
        }

        return Complaint(letter, type, Addresses(fields, letter)) with
        {
            EnvelopeId = fields["Original-Envelope-Id"],
            SentWith = [.. AddressText.FindAll(fields["Original-Mail-From"] ?? ""), .. SentWith(letter)],
        };
    }

    // Who complains is often blacked out; the header of the mail may still tell.
    private static IEnumerable<string> Addresses(FieldList fields, Letter letter)
    {
        var named = fields.All("Original-Rcpt-To").Concat(fields.All("Removal-Recipient")).Concat(fields.All("Original-Recipient")).Concat(fields.All("Redacted-Address"))
            .SelectMany(AddressText.FindAll).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        return named.Count > 0 ? named
            : letter.Returned.All("X-HmXmrOriginalRecipient").Concat(letter.Returned.All("X-Rcpt-To")).SelectMany(AddressText.FindAll).Concat(letter.ReturnedTo).Take(1);
    }

    private static IncomingReport Complaint(Letter letter, string type, IEnumerable<string> addresses) => new()
    {
        Kind = ReportKind.Complaint,
        FeedbackType = type,
        Recipients = [.. addresses.Take(1_000).Select(address => new ReportedRecipient(address, null, null, null, type, null, "feedback", Consequence.Suppress))],
        OriginalMessageId = letter.Returned["Message-ID"],
        SentWith = [.. SentWith(letter)],
    };

    private static IEnumerable<string> SentWith(Letter letter) =>
        letter.Returned.All("Return-Path").Concat(letter.Returned.All("CFBL-Address")).SelectMany(AddressText.FindAll).Take(10);

    private static bool IsReportType(Letter letter) => letter.Header["Content-Type"] is { } type && type.ContainsAny("feedback-report");

    // Outlook.com's junk mail reports, and those that only say what they are.
    private static bool IsOldForm(Letter letter) =>
        letter.ReturnedPart is not null
        && ((letter.Header["Subject"] ?? "").StartsWithAny("complaint about message from")
            || letter.Words.ContainsAny("this is an email abuse report for an email message", "this is a spam complaint", "this is an email complaint"));
}
