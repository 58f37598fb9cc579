using System.CommandLine;

namespace Relay.Host.Commands;

/// <summary><c>relay limits</c>: what the key's account, and the key, may send and have.</summary>
internal static class LimitsCommand
{
    public static Command Create() => new Command("limits", "Show what the account and the key may send, and have.").Asks(ShowAsync);

    private static async Task ShowAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var limits = await relay.GetAsync("limits", cancellation);
        if (!print.Whole(limits))
        {
            Printout.Table(
                ["of", "counts", "limit", "used", "remaining", "resets", "beyond"],
                [.. limits.Items("items").Select(l => new[]
                {
                    l.Text("of"), $"{l.Text("counts")} a {l.Text("per")}", l.Text("limit") ?? "none", l.Text("used"), l.Text("remaining"), l.Time("resets"), l.Text("beyond"),
                })],
                "");
        }
    }
}
