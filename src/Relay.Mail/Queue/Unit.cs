using System.Globalization;
using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>Names a unit: <c>&lt;message id&gt;/&lt;number&gt;</c>.</summary>
public readonly record struct UnitId(MessageId Message, int Number)
{
    public static bool TryParse(string? text, out UnitId id)
    {
        id = default;
        if (text?.IndexOf('/', StringComparison.Ordinal) is not (> 0 and var slash)
            || !MessageId.TryParse(text[..slash], out var message)
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        id = new UnitId(message, number);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Message}/{Number}");
}

/// <summary>
/// What is tried together: one message to one destination domain, with up to <see cref="MaxRecipients"/> of its
/// recipients there, or one where each copy differs. The units of a message follow from it alone, so they are never stored.
/// </summary>
/// <param name="Recipients">Indexes into the envelope's recipients.</param>
public sealed record Unit(UnitId Id, Lane Lane, IReadOnlyList<int> Recipients)
{
    // A transaction of more than 100 recipients need not be taken by the remote (RFC 5321, 4.5.3.1.8).
    public const int MaxRecipients = 100;

    /// <summary>The units of a message, numbered from 0 in the order in which their domains first appear.</summary>
    public static IReadOnlyList<Unit> Of(Message message)
    {
        var recipients = message.Envelope.Recipients;
        if (recipients.Count == 1)
        {
            return [new Unit(new UnitId(message.Id, 0), Lane.Of(message, recipients[0].Address.Domain), [0])];
        }

        return [.. recipients
            .Select((recipient, index) => (recipient.Address.Domain, Index: index))
            .GroupBy(r => r.Domain, r => r.Index)
            .SelectMany(domain => domain.Chunk(message.Content.IsPersonal ? 1 : MaxRecipients), (domain, indexes) => (Domain: domain.Key, Indexes: indexes))
            .Select((group, number) =>
                new Unit(new UnitId(message.Id, number), Lane.Of(message, group.Domain), group.Indexes))];
    }
}
