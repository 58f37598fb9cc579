using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;

namespace Relay.Faults.Scenarios;

/// <summary>Whether mail for one sink was served as if nothing else were wrong.</summary>
internal static class Promptness
{
    /// <param name="prompt">Far above what it takes, far below what waiting behind others would.</param>
    public static IEnumerable<Finding> Look(Stage stage, string scenario, string sink, TimeSpan prompt)
    {
        var book = stage.Book.Close();
        var accepted = book.Submissions.Where(s => s.Outcome == SubmissionOutcome.Ok).ToDictionary(s => s.Token, s => s.Ended);
        var waits = book.Arrivals.Where(a => a.Sink == sink && a.Token is not null && accepted.ContainsKey(a.Token)).Select(a => a.At - accepted[a.Token!]).Order().ToList();
        if (waits.Count == 0)
        {
            return [new Finding(scenario, sink, "nothing was delivered to it")];
        }

        var p99 = waits[(int)(waits.Count * 0.99)];
        stage.Note($"{sink} had its mail after {waits[waits.Count / 2].TotalMilliseconds:0} ms, p99 {p99.TotalMilliseconds:0} ms");
        return p99 < prompt ? [] : [new Finding(scenario, sink, $"p99 of its mail is {p99.TotalSeconds:0.0} s: it waits behind strangers")];
    }
}
