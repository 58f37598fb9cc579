using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Routes;
using Relay.Smtp.Commands;

namespace Relay.Intake.Smtp;

/// <summary>One mail transaction: from MAIL to the last octet of its content, or to RSET (RFC 5321, 3.3).</summary>
internal sealed class Transaction(SmtpCommand.Mail mail, Credential? credential)
{
    private readonly List<Recipient> _recipients = [];

    /// <summary>Null where nobody logs in.</summary>
    public Credential? Credential => credential;
    public int Recipients => _recipients.Count;
    public bool SmtpUtf8 => mail.SmtpUtf8;

    /// <summary>What SIZE= declared; 0 when it said nothing.</summary>
    public long DeclaredOctets => mail.DeclaredOctets;

    /// <summary>At a door for mail of anybody: the route of its recipients; null where they are addresses that we gave out.</summary>
    public InboundRoute? Route { get; set; }

    /// <summary>With a route, once the content has begun: what it has taken of what the account may get.</summary>
    public RoutedShare? Share { get; set; }

    /// <summary>What has arrived of the content; null before the first of it.</summary>
    public IncomingContent? Content { get; set; }

    public void Add(SmtpCommand.Rcpt rcpt) => _recipients.Add(new Recipient
    {
        Address = rcpt.Recipient,
        Notify = rcpt.Notify is { } notify ? NotifyOf(notify) : null,
        OriginalRecipient = rcpt.OriginalRecipient,
    });

    public Envelope ToEnvelope() => new()
    {
        Sender = mail.Sender,
        Recipients = _recipients,
        Return = mail.Return switch
        {
            ReturnOption.Full => DsnReturn.Full,
            ReturnOption.Headers => DsnReturn.Headers,
            _ => DsnReturn.Unspecified,
        },
        EnvelopeId = mail.EnvelopeId,
        EightBitMime = mail.EightBitMime,
        SmtpUtf8 = mail.SmtpUtf8,
        Tls = mail.RequireTls ? TlsDemand.RequireTls : TlsDemand.Policy,
    };

    private static DsnNotify NotifyOf(NotifyOption notify) =>
        (notify.HasFlag(NotifyOption.Success) ? DsnNotify.Success : DsnNotify.Never)
        | (notify.HasFlag(NotifyOption.Failure) ? DsnNotify.Failure : DsnNotify.Never)
        | (notify.HasFlag(NotifyOption.Delay) ? DsnNotify.Delay : DsnNotify.Never);
}
