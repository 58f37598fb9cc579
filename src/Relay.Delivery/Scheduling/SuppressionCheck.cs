using System.Globalization;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Looks, each time that a unit leaves the queue to be tried, whether its account has suppressed any of its recipients. The
/// only such look: whatever waited, however long, and whoever accepted it, passes here. What is suppressed while the unit
/// stands in line for a connection is seen at its next attempt.
/// </summary>
internal sealed class SuppressionCheck(ISuppressionStore suppressions)
{
    /// <summary>What stands against which of the open recipients; null when nothing does.</summary>
    /// <exception cref="StoreUnavailableException">Nobody knows.</exception>
    public async ValueTask<IReadOnlyDictionary<int, Outcome.Suppressed>?> LookAsync(Lease lease, CancellationToken cancellation)
    {
        var message = lease.Message;
        var looks = lease.Open.Select(recipient => suppressions.FindAsync(message.Account, message.Envelope.Recipients[recipient].Address, cancellation)).ToArray();
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
        $"{WordFor(suppression.Reason)}, {suppression.Since.UtcDateTime:yyyy-MM-dd HH:mm}{(suppression.Words is { } words ? $": {words}" : "")}");

    private static string WordFor(SuppressionReason reason) => reason switch
    {
        SuppressionReason.Bounce => "suppressed since a bounce",
        SuppressionReason.Complaint => "suppressed since a complaint",
        SuppressionReason.Unsubscribe => "suppressed since its owner unsubscribed",
        _ => "suppressed by the account",
    };
}
