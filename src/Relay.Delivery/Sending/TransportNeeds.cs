using System.Text;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;
using Relay.Smtp.Client;

namespace Relay.Delivery.Sending;

/// <summary>Which extensions a transaction cannot do without. A remote that lacks one never gets the message (RFC 6152, 3; RFC 6531, 3.5).</summary>
internal readonly record struct TransportNeeds(bool EightBitMime, bool SmtpUtf8)
{
    public static TransportNeeds Of(Message message, IReadOnlyList<int> recipients)
    {
        var content = message.Content;
        var utf8 = content.HasEightBitHeader || NeedsUtf8(message.WireSender);
        for (var i = 0; i < recipients.Count && !utf8; i++)
        {
            utf8 = NeedsUtf8(message.Envelope.Recipients[recipients[i]].Address);
        }

        return new TransportNeeds(content.HasEightBit || utf8, utf8);
    }

    /// <summary>Bounces those recipients that this remote cannot be given.</summary>
    public void Refuse(EhloCapabilities offered, Message message, IReadOnlyList<int> recipients, Outcome?[] outcomes)
    {
        var content = message.Content;
        Outcome? all =
            offered.MaxSize is { } limit && content.Length > limit
                ? new Outcome.Bounced($"the message has {content.Length} octets, the remote takes {limit}", "5.3.4", DeliveryRules.TooLarge)
            : !offered.SmtpUtf8 && (content.HasEightBitHeader || NeedsUtf8(message.WireSender))
                ? new Outcome.Bounced("the message needs SMTPUTF8, which the remote does not offer", "5.6.7", DeliveryRules.NeedsUtf8)
            : !offered.EightBitMime && content.HasEightBit
                ? new Outcome.Bounced("the message needs 8BITMIME, which the remote does not offer, and cannot be written without", "5.6.3", DeliveryRules.NeedsEightBit)
            : null;

        for (var i = 0; i < recipients.Count; i++)
        {
            outcomes[i] = all ?? (!offered.SmtpUtf8 && NeedsUtf8(message.Envelope.Recipients[recipients[i]].Address)
                ? new Outcome.Bounced("the address needs SMTPUTF8, which the remote does not offer", "5.6.7", DeliveryRules.NeedsUtf8)
                : null);
        }
    }

    // A domain alone can be written in A-labels.
    private static bool NeedsUtf8(EnvelopeAddress? address) => address is { NeedsSmtpUtf8: true } && !Ascii.IsValid(address.LocalPart);
}
