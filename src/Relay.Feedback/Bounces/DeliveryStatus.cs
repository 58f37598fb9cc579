using System.Globalization;
using System.Text;
using MimeKit;
using MimeKit.Utils;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Feedback.Bounces;

/// <summary>
/// The part of a report that programs read (RFC 3464, 2). It is ASCII whatever the addresses are: an internationalised
/// domain stands as A-labels, a local part outside ASCII in the escaped form of RFC 6533, 3, so that the report can
/// reach a sender whose server has no SMTPUTF8.
/// </summary>
internal static class DeliveryStatus
{
    // One reply is one line of a header here; what is longer helps nobody.
    private const int MaxDiagnostic = 900;

    public static MessageDeliveryStatus Write(Message original, IReadOnlyList<Fate> fates, string host)
    {
        var status = new MessageDeliveryStatus();
        status.StatusGroups.Add(MessageFields(original, host));
        foreach (var fate in fates)
        {
            status.StatusGroups.Add(RecipientFields(original.Envelope.Recipients[fate.Index], fate));
        }

        return status;
    }

    private static HeaderList MessageFields(Message original, string host)
    {
        var fields = new HeaderList();
        // The client's own word, decoded from xtext, so it may hold anything: a line break in it must not begin a field.
        if (original.Envelope.EnvelopeId is { Length: > 0 } envelopeId && IsPrintable(envelopeId))
        {
            fields.Add("Original-Envelope-Id", envelopeId);
        }

        fields.Add("Reporting-MTA", $"dns; {host}");
        fields.Add("Arrival-Date", DateUtils.FormatDate(original.AcceptedAt));
        return fields;
    }

    private static HeaderList RecipientFields(Recipient recipient, Fate fate)
    {
        var fields = new HeaderList();
        if (OriginalRecipient(recipient) is { } asked)
        {
            fields.Add("Original-Recipient", asked);
        }

        fields.Add("Final-Recipient", FinalRecipient(recipient.Address));
        fields.Add("Action", fate.Action);
        fields.Add("Status", fate.Status);
        if (fate.Host is not null)
        {
            fields.Add("Remote-MTA", $"dns; {fate.Host}");
        }

        // The words of no remote are not a reply of SMTP (RFC 3464, 2.3.6).
        fields.Add("Diagnostic-Code", $"{(fate.Host is null ? "x-relay" : "smtp")}; {Diagnostic(fate.Reply)}");
        fields.Add("Last-Attempt-Date", DateUtils.FormatDate(fate.Time));
        return fields;
    }

    private static string? OriginalRecipient(Recipient recipient)
    {
        if (recipient.OriginalRecipient?.Split(';', 2) is not [var type, var address] || !IsPrintable(type))
        {
            return null;
        }

        return IsPrintable(address) ? $"{type}; {address}"
            : address.Any(char.IsControl) ? null
            : $"utf-8; {Escape(address)}";
    }

    private static string FinalRecipient(EnvelopeAddress address) => Ascii.IsValid(address.LocalPart)
        ? $"rfc822; {address.AsciiDomainText}"
        : $"utf-8; {Escape(address.AsciiDomainText)}";

    private static string Diagnostic(string reply)
    {
        var text = new StringBuilder(Math.Min(reply.Length, MaxDiagnostic));
        foreach (var c in reply.AsSpan(0, Math.Min(reply.Length, MaxDiagnostic)))
        {
            text.Append(c is >= ' ' and <= '~' ? c : char.IsControl(c) ? ' ' : '?');
        }

        return text.ToString();
    }

    // \x{HEX}, with the escape character itself escaped (RFC 6533, 3: utf-8-addr-xtext).
    private static string Escape(string address)
    {
        var text = new StringBuilder(address.Length * 2);
        foreach (var rune in address.EnumerateRunes())
        {
            if (rune.IsAscii && rune.Value is not ('\\' or '+' or '='))
            {
                text.Append((char)rune.Value);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\x{{{rune.Value:X2}}}");
            }
        }

        return text.ToString();
    }

    private static bool IsPrintable(string text) => !text.AsSpan().ContainsAnyExceptInRange(' ', '~');
}
