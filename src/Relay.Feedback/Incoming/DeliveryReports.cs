using Relay.Mail.Classification;
using Relay.Smtp.Replies;

namespace Relay.Feedback.Incoming;

/// <summary>Reports with fields for programs (RFC 3464), wherever in the mail these stand.</summary>
internal static class DeliveryReports
{
    public static IncomingReport? Read(Letter letter)
    {
        var groups = letter.Status.SelectMany(StatusGroups.Read).ToList();
        if (groups.Count == 0 && StatusGroups.AreIn(letter.Text))
        {
            groups = [.. StatusGroups.Read(StatusGroups.AreIn(letter.Words) ? letter.Words : letter.Text)];
        }

        // The mail given back, and prose with a colon, may look like a group.
        groups.RemoveAll(group => group.FinalRecipient is null && !group.Fields.Has("Original-Recipient") && !group.Fields.Has("X-Actual-Recipient"));
        if (groups.Count == 0)
        {
            return letter.Status.Count > 0 && FreeTextBounces.Read(letter) is { } told ? told : null;
        }

        var failed = groups.Where(IsFailure).ToList();
        if (failed.Count == 0)
        {
            return IncomingReport.Other with { IsNews = true };
        }

        var recipients = new List<ReportedRecipient>(failed.Count);
        foreach (var group in failed)
        {
            if (Read(group, letter, failed.Count == 1) is { } recipient && !recipients.Contains(recipient))
            {
                recipients.Add(recipient);
            }
        }

        return new IncomingReport
        {
            Kind = ReportKind.Bounce,
            Recipients = recipients,
            EnvelopeId = groups[0].Message["Original-Envelope-Id"],
            OriginalMessageId = letter.Returned["Message-ID"],
        };
    }

    // Delivered, relayed and expanded are good news (RFC 3464, 2.3.3). Some write words of their own: what is not known to be good is bad.
    private static bool IsFailure(StatusGroup group) => group.Action switch
    {
        "delivered" or "relayed" or "expanded" or "relay" or "deliverable" => false,
        "" => group.Status is not { } status || !status.StartsWith('2'),
        _ => true,
    };

    private static ReportedRecipient? Read(StatusGroup group, Letter letter, bool alone)
    {
        var original = AddressText.OfField(group.Fields["Original-Recipient"]);
        var final = AddressText.OfField(group.FinalRecipient);
        var address = Complete(final) ?? Complete(original) ?? Complete(AddressText.OfField(group.Fields["X-Actual-Recipient"]))
            ?? letter.ReturnedTo.FirstOrDefault() ?? final ?? original;
        if (address is null)
        {
            return null;
        }

        var told = ReplyFinder.About(address, letter, alone);
        var reply = group.Diagnostic is { Length: > 0 } diagnostic ? ReplyFinder.Better(diagnostic, told.Reply) : told.Reply;
        var words = RemoteWords.Read(reply ?? "", group.Host);
        var status = StatusOf(words, group);
        var phase = told.Phase == SmtpPhase.Unknown ? DialoguePhase.OfReply(words, address) : told.Phase;
        if (phase == SmtpPhase.Unknown && words.Code is null && group.DiagnosticType is not "smtp")
        {
            phase = SmtpPhase.Local;
        }

        return Verdicts.Judge(
            address,
            original is not null && original != address ? original : null,
            new RemoteWords { Code = words.Code, Status = status, Text = words.Text, Host = words.Host, Phase = phase },
            letter.Speech,
            group.Action is "delayed");
    }

    private static string? Complete(string? address) => address is not null && address.Contains('@', StringComparison.Ordinal) ? address : null;

    // The remote's own code says most; the field is what the reporting host made of it. One that ends in .0.0 says nothing.
    private static EnhancedStatusCode? StatusOf(RemoteWords words, StatusGroup group)
    {
        var field = group.Status is { } text ? RemoteWords.Read(text).Status : null;
        return words.Status is { } said && (said.Subject != 0 || said.Detail != 0) ? said
            : field is { } given && (given.Subject != 0 || given.Detail != 0) ? given
            : words.Status ?? field;
    }
}
