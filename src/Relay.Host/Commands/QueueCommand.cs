using System.CommandLine;

namespace Relay.Host.Commands;

/// <summary><c>relay queue</c>: what waits, and for when.</summary>
internal static class QueueCommand
{
    public static Command Create() => new("queue", "Look at what waits to be delivered.")
    {
        new Command("list", "List destinations with mail waiting, the deepest first.").Asks(ListAsync),
    };

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var queue = await relay.GetAsync("queue", cancellation);
        if (!print.Whole(queue))
        {
            Printout.Table(
                ["domain", "account", "class", "waiting", "next due"],
                [.. queue.Items("lanes").Select(lane => new[] { lane.Text("domain"), lane.Text("account"), lane.Text("class"), lane.Text("depth"), lane.Time("earliestDue") })],
                "Nothing waits.");
            if (queue.Text("unreadable") is { } unreadable and not "0")
            {
                Printout.Problem($"{unreadable} entries could not be read and were set aside; the relay's log says which and why");
            }
        }
    }
}
