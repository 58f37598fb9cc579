using Relay.Faults.Ledgers;

namespace Relay.Faults.Checking;

/// <summary>Puts the invariants together.</summary>
internal static class Checker
{
    /// <param name="asked">The weakest class that covers what was done.</param>
    /// <param name="published">What the relay promised.</param>
    public static Verdict Check(ClosedBook book, string scenario, string store, int seed, int rounds, Promise asked, Promise published)
    {
        var lost = Invariants.NothingIsLost(book).ToList();
        var doubles = Doubles.Of(book);
        var findings = new List<Finding>();
        findings.AddRange(Invariants.NothingIsUnexpected(book));
        findings.AddRange(Invariants.NothingIsRefusedForGood(book));
        findings.AddRange(Invariants.NothingIsHalf(book));
        findings.AddRange(Invariants.NothingIsDoubledWithoutCause(book));
        findings.AddRange(Invariants.EveryDoubleIsAdmitted(book));
        findings.AddRange(Invariants.NoKillDoublesMoreThanItsConnections(book));
        findings.AddRange(Invariants.ContentIsKept(book));

        // What the store may lose it may lose with its events and lists; what it still says must be true all the same.
        var isCovered = published >= asked;
        findings.AddRange(Invariants.EventsTellTheTruth(book, isCovered));
        findings.AddRange(Invariants.TenantsAreApart(book, isCovered));

        var measured = Promises.Measured(asked, lost.Count);
        var notes = new List<string>();
        if (isCovered)
        {
            findings.AddRange(lost);
        }
        else if (lost.Count > 0)
        {
            notes.Add($"{Promises.WordOf(published)} does not cover this fault: {lost.Count} lost, as published");
        }

        return new Verdict
        {
            Scenario = scenario,
            Store = store,
            Seed = seed,
            Rounds = rounds,
            Accepted = book.Submissions.Count(s => s.Outcome == SubmissionOutcome.Ok),
            Unanswered = book.Submissions.Count(s => s.Outcome == SubmissionOutcome.Info),
            Delivered = book.Arrivals.Where(a => a is { IsAcceptance: true, Token: not null }).SelectMany(a => a.Recipients, (a, r) => (a.Token, r)).Distinct().Count(),
            Bounced = book.Told.Where(t => t.Type is "bounced" or "expired").Select(t => (t.Token, t.Recipient)).Distinct().Count(),
            Lost = lost.Count,
            Doubled = doubles.Count,
            Admitted = doubles.Count(d => d.IsAdmitted),
            Unexplained = doubles.Count(d => d.Cause is null),
            WorstKill = doubles.Where(d => d.Strike?.Kind is StrikeKind.RelayKilled or StrikeKind.MachineCut).GroupBy(d => d.Strike).Select(k => k.Select(d => d.First).Distinct().Count()).DefaultIfEmpty().Max(),
            Published = published,
            Measured = measured,
            Findings = findings,
            Notes = notes,
        };
    }
}
