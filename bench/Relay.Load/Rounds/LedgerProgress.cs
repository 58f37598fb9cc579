using Relay.Load.Traffic;
using Spectre.Console;

namespace Relay.Load.Rounds;

/// <summary>A bar for what is accepted and one for what has arrived, while a ledger fills.</summary>
internal static class LedgerProgress
{
    // Drawing costs CPU that the server under test does not get: seldom is often enough.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    public static Task<T> ShowAsync<T>(string title, Func<Action<Ledger>, Task<T>> work) =>
        AnsiConsole.Profile.Capabilities.Interactive ? DrawAsync(title, work) : work(_ => { });

    private static Task<T> DrawAsync<T>(string title, Func<Action<Ledger>, Task<T>> work) =>
        AnsiConsole.Progress().AutoRefresh(false).AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                Ledger? ledger = null;
                var accepted = context.AddTask($"{title}: accepted");
                var arrived = context.AddTask($"{title}: arrived");
                var running = work(started => Volatile.Write(ref ledger, started));
                while (await Task.WhenAny(running, Task.Delay(Interval)) != running)
                {
                    if (Volatile.Read(ref ledger) is { } current)
                    {
                        accepted.MaxValue = arrived.MaxValue = current.Count;
                        accepted.Value = current.Accepted + current.Refused;
                        arrived.Value = current.Arrived;
                        context.Refresh();
                    }
                }

                return await running;
            });
}
