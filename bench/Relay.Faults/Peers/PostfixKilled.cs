using System.Globalization;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.TestKit;
using Relay.TestKit.Remote;

namespace Relay.Faults.Peers;

/// <summary>
/// F1 with Postfix in the relay's place: the same clients over SMTP, the same sink, the same kills, the same ledgers. What a relay
/// told cannot be compared: Postfix keeps no account of a message that its sender could ask.
/// </summary>
internal static class PostfixKilled
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);

    // Its retries come as soon as the relay's do in a scenario, so that a run ends.
    private static string Settings(int sink) => $"""
        myhostname = postfix.faults.test
        mynetworks = 127.0.0.0/8
        smtpd_relay_restrictions = permit_mynetworks, reject
        relayhost = [127.0.0.1]:{sink}
        queue_run_delay = 1s
        minimal_backoff_time = 1s
        maximal_backoff_time = 8s

        """;

    public static async Task<PeerOutcome> PlayAsync(int kills, int seed, string historyFolder, CancellationToken cancellation)
    {
        using var history = new History(Path.Combine(historyFolder, $"peer-postfix-{seed}.jsonl"));
        var book = new LedgerBook(history);
        var random = new Random(seed);
        await using var sink = LedgerSink.Start("sink", book);
        await using var postfix = await PostfixProgram.PrepareAsync(cancellation);
        await postfix.LaunchAsync(Settings(sink.Port), "smtp unix - - n - - smtp\n", cancellation);
        var load = LedgerClients.Start(
            $"{seed:x}-1", new LoadPlan { InboundPort = postfix.Port }, book, [new RelayDoor(postfix.Port, new Uri("http://127.0.0.1"))], [new Tenant("nobody", "")], seed);
        for (var round = 0; round <= kills; round++)
        {
            var goal = book.Accepted + 20;
            await Poll.UntilAsync(() => book.Accepted >= goal, cancellation, () => $"{goal - book.Accepted} mails more were not accepted:\n{postfix.Log()}");
            if (round < kills)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(300) * random.NextDouble(), cancellation);
                await KillAsync(postfix, sink, book, cancellation);
            }
        }

        await load.StopAsync();
        await DrainAsync(book, cancellation);
        return PeerOutcome.Of(book.Close(), kills);
    }

    private static async Task KillAsync(PostfixProgram postfix, LedgerSink sink, LedgerBook book, CancellationToken cancellation)
    {
        var (from, connections) = (DateTimeOffset.UtcNow, sink.Unheard);
        await postfix.KillAsync(cancellation);
        book.Add(new Strike(StrikeKind.RelayKilled, "postfix", from, DateTimeOffset.UtcNow, connections));
        await postfix.StartAsync(cancellation);
    }

    private static async Task DrainAsync(LedgerBook book, CancellationToken cancellation)
    {
        var until = DateTimeOffset.UtcNow + Patience;
        while (DateTimeOffset.UtcNow < until && (Invariants.NothingIsLost(book.Close()).Any() || DateTimeOffset.UtcNow - book.LastArrival < Quiet))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), cancellation);
        }
    }
}

/// <summary>What the ledgers of both ends say; a copy too many is admitted nowhere.</summary>
internal sealed record PeerOutcome(int Kills, int Accepted, int Unknown, int Delivered, int Lost, int Doubled, int Unexplained, int WorstKill)
{
    public static PeerOutcome Of(ClosedBook book, int kills)
    {
        var doubles = Doubles.Of(book);
        return new PeerOutcome(
            kills,
            book.Submissions.Count(s => s.Outcome == SubmissionOutcome.Ok),
            book.Submissions.Count(s => s.Outcome == SubmissionOutcome.Info),
            book.Arrivals.Where(a => a is { IsAcceptance: true, Token: not null }).SelectMany(a => a.Recipients, (a, r) => (a.Token, r)).Distinct().Count(),
            Invariants.NothingIsLost(book).Count(),
            doubles.Count,
            doubles.Count(d => d.Cause is null),
            doubles.GroupBy(d => d.Strike).Select(k => k.Select(d => d.First).Distinct().Count()).DefaultIfEmpty().Max());
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"Postfix: {Kills} kills, {Accepted} accepted, {Unknown} unknown, {Delivered} delivered, {Lost} lost, {Doubled} doubled, {Unexplained} unexplained, {WorstKill} by the worst kill");
}
