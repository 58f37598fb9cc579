using System.Diagnostics;
using Relay.Mail.Messages;

namespace Relay.Delivery.Sending;

/// <summary>The span of an attempt, part of the trace that the message came with.</summary>
internal static class DeliveryTrace
{
    /// <summary>Null when nobody listens.</summary>
    /// <param name="began">When the attempt began; default is now.</param>
    public static Activity? Start(Message message, DateTimeOffset began = default)
    {
        if (!DeliveryMetrics.Traces.HasListeners())
        {
            return null;
        }

        ActivityContext.TryParse(message.TraceParent, null, out var parent);
        var trace = DeliveryMetrics.Traces.StartActivity("deliver", ActivityKind.Client, parent, startTime: began);
        return trace?.SetTag("relay.message", message.Id.ToString());
    }
}
