using Relay.Mail.Messages;

namespace Relay.Mail.Bounces;

/// <summary>
/// What a report about a late failure needs of a message, once its record is gone: who wants it, and about whom. Kept only of
/// mail whose bounces come back to us and whose sender is to hear of them.
/// </summary>
/// <param name="Sender">The envelope's own.</param>
/// <param name="Credential">The id of the one it came with.</param>
/// <param name="Recipients">Those of whom the sender said more than the address; null where of none.</param>
public sealed record ReportTerms(string Sender, string Credential, string? EnvelopeId, IReadOnlyList<ReportedOn>? Recipients)
{
    /// <summary>Null where a late failure is reported to nobody.</summary>
    public static ReportTerms? Of(Message message)
    {
        if (message is not { ReturnPath: not null, ReportsFailures: true, Envelope: { Sender: { } sender } envelope })
        {
            return null;
        }

        List<ReportedOn>? told = null;
        for (var i = 0; i < envelope.Recipients.Count; i++)
        {
            if (envelope.Recipients[i] is { Notify: not null } or { OriginalRecipient: not null })
            {
                (told ??= []).Add(new ReportedOn(i, envelope.Recipients[i].Notify, envelope.Recipients[i].OriginalRecipient));
            }
        }

        return new ReportTerms(sender.Text, message.Credential, envelope.EnvelopeId, told);
    }
}

/// <param name="Index">Into the envelope's recipients.</param>
public sealed record ReportedOn(int Index, DsnNotify? Notify, string? OriginalRecipient);
