using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>Whoever is named twice gets one copy.</summary>
internal static class RecipientList
{
    /// <summary>The recipients in the order of their first mention; what is to be notified about a doubled one is the sum of both.</summary>
    public static IReadOnlyList<Recipient> Distinct(IReadOnlyList<Recipient> recipients)
    {
        if (recipients.Count < 2)
        {
            return recipients;
        }

        var distinct = new List<Recipient>(recipients.Count);
        var positions = new Dictionary<EnvelopeAddress, int>(recipients.Count);
        foreach (var recipient in recipients)
        {
            if (positions.TryAdd(recipient.Address, distinct.Count))
            {
                distinct.Add(recipient);
            }
            else
            {
                var position = positions[recipient.Address];
                distinct[position] = Merge(distinct[position], recipient);
            }
        }

        return distinct;
    }

    // Silence means FAILURE (RFC 3461, 4.1), so it outweighs a NEVER beside it.
    private static Recipient Merge(Recipient first, Recipient second) => first with
    {
        Notify = first.Notify is null && second.Notify is null
            ? null
            : (first.Notify ?? DsnNotify.Failure) | (second.Notify ?? DsnNotify.Failure),
        OriginalRecipient = first.OriginalRecipient ?? second.OriginalRecipient,
    };
}
