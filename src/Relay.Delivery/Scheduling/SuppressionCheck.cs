using System.Globalization;
using Relay.Delivery.Sending;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Looks, each time that a unit leaves the queue to be tried, whether its account has suppressed any of its recipients. The
/// only such look: whatever waited, however long, and whoever accepted it, passes here. A unit of which something was suppressed
/// while it stood in line for a connection goes back (<see cref="FreshSuppressions"/>), and passes here again.
/// </summary>
internal sealed class SuppressionCheck(ISuppressionStore suppressions)
{
    /// <summary>What stands against which of the open recipients; null when nothing does.</summary>
    /// <exception cref="StoreUnavailableException">Nobody knows.</exception>
    public async ValueTask<IReadOnlyDictionary<int, Outcome.Suppressed>?> LookAsync(Lease lease, CancellationToken cancellation)
    {
        var message = lease.Message;
        if (message.Source == MessageSource.Inbound)
        {
            // Mail of the world, on a route of the account: what its own mail did to the address is nothing to whoever wrote this.
            return null;
        }

        var looks = lease.Open.Select(recipient => suppressions.FindAsync(message.Account, message.Envelope.Recipients[recipient].Address, message.Stream, cancellation)).ToArray();
        Dictionary<int, Outcome.Suppressed>? found = null;
        for (var i = 0; i < looks.Length; i++)
        {
            if (await looks[i] is { } suppression)
            {
                (found ??= []).Add(lease.Open[i], new Outcome.Suppressed(Words(suppression)));
            }
        }

        return found;
    }

    private static string Words(Suppression suppression) => string.Create(
        CultureInfo.InvariantCulture,
        $"{WordFor(suppression)}, {suppression.Since.UtcDateTime:yyyy-MM-dd HH:mm}{(suppression.Words is { } words ? $": {words}" : "")}");

    private static string WordFor(Suppression suppression) => (suppression.Reason, suppression.Stream) switch
    {
        (SuppressionReason.Bounce, _) => "suppressed since a bounce",
        (SuppressionReason.Complaint, null) => "suppressed since a complaint",
        (SuppressionReason.Complaint, var stream) => $"suppressed since a complaint about {stream}",
        (SuppressionReason.Unsubscribe, null) => "suppressed since its owner unsubscribed",
        (SuppressionReason.Unsubscribe, var stream) => $"suppressed since its owner unsubscribed from {stream}",
        (_, null) => "suppressed by the account",
        (_, var stream) => $"suppressed by the account for {stream}",
    };
}
