using Relay.Faults.Ledgers;

namespace Relay.Faults.Checking;

/// <summary>One copy too many that a recipient got.</summary>
/// <param name="First">The acceptance of which the relay did not know.</param>
/// <param name="Again">The one after it.</param>
/// <param name="Cause">What kept the relay from knowing; null when nothing did.</param>
/// <param name="Strike">Our part in it.</param>
/// <param name="IsAdmitted">The message's own timeline tells of as many uncertain attempts as there are copies too many.</param>
internal sealed record Double(string Token, string Recipient, Arrival First, Arrival Again, string? Cause, Strike? Strike, bool IsAdmitted);

/// <summary>Finds every copy too many, and what explains it.</summary>
internal static class Doubles
{
    /// <summary>
    /// How long before a kill a sink may have taken a mail whose end the relay had not yet made durable. The reply has to be
    /// read, judged and settled; on a machine whose two cores are taken by others that is a matter of the scheduler.
    /// </summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(2);

    /// <summary>What a relay had sent when it died still stands in the sink's socket, and is read by a process that shares its cores.</summary>
    private static readonly TimeSpan Reading = TimeSpan.FromSeconds(0.5);

    public static IReadOnlyList<Double> Of(ClosedBook book)
    {
        var uncertain = book.Told.Where(t => t.Type == "uncertain").CountBy(t => (t.Token, t.Recipient)).ToDictionary();
        return [.. book.Arrivals
            .Where(a => a is { IsAcceptance: true, Token: not null })
            .SelectMany(a => a.Recipients.Distinct(), (arrival, recipient) => (arrival, recipient))
            .GroupBy(x => (x.arrival.Token, x.recipient), x => x.arrival)
            .Where(copies => copies.Skip(1).Any())
            .SelectMany(copies => Pairs([.. copies.OrderBy(a => a.At)]), (copies, pair) =>
            {
                var (token, recipient) = (copies.Key.Token!, copies.Key.recipient);
                var strike = pair.First.WasHidden ? null : StrikeBetween(book.Strikes, pair.First, pair.Again);
                var cause = pair.First.WasHidden ? pair.First.Answer.ToString() : strike?.Kind.ToString();
                return new Double(token, recipient, pair.First, pair.Again, cause, strike, pair.Number <= uncertain.GetValueOrDefault((token, (string?)recipient)));
            })];
    }

    // The second copy is the first too many.
    private static IEnumerable<(Arrival First, Arrival Again, int Number)> Pairs(IReadOnlyList<Arrival> copies) =>
        copies.Zip(copies.Skip(1), Enumerable.Range(1, copies.Count));

    /// <summary>A strike that took the relay's knowledge of the first acceptance, or kept it from being made durable.</summary>
    private static Strike? StrikeBetween(IReadOnlyList<Strike> strikes, Arrival first, Arrival again) =>
        strikes.Where(s => TakesKnowledge(s.Kind) && s.From <= again.At).FirstOrDefault(s => Begins(strikes, s) - Window <= first.At && first.At <= s.To + Reading);

    // A stop in order, or a store that is away for a while, takes nothing.
    private static bool TakesKnowledge(StrikeKind kind) =>
        kind is StrikeKind.RelayKilled or StrikeKind.RelayPaused or StrikeKind.RelayCutOff or StrikeKind.PowerCut or StrikeKind.MachineCut or StrikeKind.Failover;

    // While the store was away nothing could be settled: what was taken in that time is open until the strike.
    private static DateTimeOffset Begins(IReadOnlyList<Strike> strikes, Strike strike) =>
        strikes.Where(s => s.Kind is StrikeKind.StoreKilled or StrikeKind.StoreAway && s.From <= strike.From && strike.From <= s.To + Window)
            .Select(s => s.From)
            .Append(strike.From)
            .Min();
}
