using System.CommandLine;
using System.Net;
using Relay.Load.Rounds;
using Relay.Load.Traffic;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary><c>generator</c>: sends to any server and reports how it was accepted; what arrived is for its sink to say.</summary>
internal static class GeneratorCommand
{
    public static Command Create()
    {
        var traffic = new TrafficOptions();
        var to = new Option<string>("--to") { Description = "Address and port to send to", DefaultValueFactory = _ => "127.0.0.1:2526" };
        var auth = new Option<string?>("--auth") { Description = "user:password, or the API key with --http" };
        var command = new Command("generator", "Send to a server that is already there") { to, auth };
        traffic.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var login = parsed.GetValue(auth)?.Split(':', 2);
            var door = new Door(IPEndPoint.Parse(parsed.GetRequiredValue(to)))
            {
                Http = parsed.GetValue(traffic.Http),
                Tls = parsed.GetValue(traffic.Tls),
                Key = login?[^1],
                User = login?[0] ?? "",
            };
            return RunAsync(traffic.Plan(parsed), door, parsed.GetValue(traffic.Count), cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(TrafficPlan plan, Door door, int count, CancellationToken cancellation)
    {
        var ledger = await LedgerProgress.ShowAsync($"to {door.Address}", async watch =>
        {
            var ledger = new Ledger(phase: 1, count);
            watch(ledger);
            await Task.Factory.StartNew(() => new Generator(plan, door).Run(ledger, cancellation), TaskCreationOptions.LongRunning);
            return ledger;
        });

        var latency = ledger.AcceptLatency();
        AnsiConsole.MarkupLineInterpolated($"accepted {ledger.Accepted} in {ledger.AcceptTime().TotalSeconds:0.00} s, {ledger.Accepted / ledger.AcceptTime().TotalSeconds:0}/s, p50 {latency.P50.TotalMilliseconds:0.0} ms, p95 {latency.P95.TotalMilliseconds:0.0} ms, p99 {latency.P99.TotalMilliseconds:0.0} ms");
        if (ledger.FirstRefusal is { } refusal)
        {
            AnsiConsole.MarkupLineInterpolated($"[red]{ledger.Refused} refused, the first:[/] {refusal}");
        }

        return ledger.Accepted == count ? 0 : 1;
    }
}
