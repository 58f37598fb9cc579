using Relay.Delivery.Connections;

namespace Relay.Delivery.Sending;

/// <summary>What a reply means: its code decides, its first digit where the code is not known, its text never (RFC 5321, 4.2).</summary>
internal static class Verdict
{
    public static Outcome Of(RemoteReply reply) => (reply.Code / 100) switch
    {
        2 => new Outcome.Delivered(reply.Line()),
        4 => new Outcome.Deferred(reply.Line(), DeliveryRules.Transient),
        5 => Bounced(reply),

        // Go on, said where there is nothing to go on with.
        _ => new Outcome.Deferred(reply.Line(), DeliveryRules.Unexpected),
    };

    /// <summary>The reply to one RCPT of several: 552 then means too many of them, and is temporary (RFC 5321, 4.5.3.1.10).</summary>
    public static Outcome OfRecipient(RemoteReply reply, bool amongOthers) =>
        reply.Code == 552 && amongOthers ? new Outcome.Deferred(reply.Line(), DeliveryRules.TooManyRecipients) : Of(reply);

    private static Outcome.Bounced Bounced(RemoteReply reply)
    {
        var decoded = reply.Decode();
        return new Outcome.Bounced(decoded.ToString(), decoded.Enhanced?.ToString() ?? "5.0.0", DeliveryRules.Permanent);
    }
}
