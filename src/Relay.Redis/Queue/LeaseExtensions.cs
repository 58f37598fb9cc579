using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

internal static class LeaseExtensions
{
    /// <summary>The message has more than one unit.</summary>
    public static bool HasSiblings(this Lease lease) => lease.Unit.Recipients.Count < lease.Message.Envelope.Recipients.Count;
}
