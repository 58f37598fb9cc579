using System.Text;
using Relay.Intake.Composition;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;

namespace Relay.Intake.Admission;

/// <summary>
/// What a message gets as list mail, above its own header (ops/decisions/0019): a link to unsubscribe for bulk mail whose sender
/// has not set one, and for all mail, where it is configured, what complaints are counted by and where they go.
/// </summary>
/// <param name="Fields">Header lines for all copies; empty as a rule.</param>
/// <param name="IsPersonal">A link names its recipient, and there are several: each copy gets its own, and is signed, when it is sent.</param>
internal readonly record struct ListMail(ReadOnlyMemory<byte> Fields, bool IsPersonal)
{
    /// <summary>False where a link is due and cannot be made now.</summary>
    /// <param name="mailDomain">Where answers to this mail come in to us; null where they do not.</param>
    public static bool TryWrite(
        ListFields lists, Submission submission, HeaderBlock header, Kind kind, IReadOnlyList<Recipient> recipients, string? mailDomain, out ListMail mail)
    {
        mail = default;
        if (submission.Source == MessageSource.Report)
        {
            return true;
        }

        var account = submission.Credential.Account;
        var fields = (header.Count(HeaderField.FeedbackId) == 0 ? lists.FeedbackId(account, kind.Class, kind.Stream) : "")
            + (header.Count(HeaderField.CfblAddress) == 0 ? lists.ComplaintAddress(submission.Id, mailDomain) : "");
        var needsLink = (lists.AddsLinks || mailDomain is not null) && kind.Class == MessageClass.Bulk && header.Count(HeaderField.ListUnsubscribe) == 0;
        if (!needsLink || recipients.Count > 1)
        {
            mail = new ListMail(fields.Length == 0 ? default : Encoding.ASCII.GetBytes(fields), needsLink);
            return true;
        }

        var wish = new Unsubscription(account, submission.Id, recipients[0].Address.Text, kind.Stream, submission.Credential.Mode);
        var isMade = lists.TryWriteUnsubscribe(wish, 0, submission.Head.Span[..header.Length], mailDomain, at: null, out var link);
        mail = new ListMail((byte[])[.. link, .. Encoding.ASCII.GetBytes(fields)], IsPersonal: false);
        return isMade;
    }
}
