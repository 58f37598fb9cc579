using System.Net;
using Relay.Load.Machine;
using Relay.Load.Traffic;

namespace Relay.Load.Targets.Rivals;

/// <summary>A mail server that is one process and its children, and stops when it is told to.</summary>
internal sealed class ProcessTarget : ITarget
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(30);

    private readonly string _name;
    private readonly ChildProcess _process;

    private ProcessTarget(string name, ChildProcess process, int port, LoadTls tls)
    {
        (_name, _process) = (name, process);
        Door = new(new(IPAddress.Loopback, port)) { Tls = tls };
    }

    public Door Door { get; }

    /// <summary>Waits for the greeting; stops the process when none comes.</summary>
    public static async Task<ProcessTarget> WhenItGreetsAsync(
        string name, ChildProcess process, int port, CancellationToken cancellation, LoadTls tls = LoadTls.None)
    {
        var target = new ProcessTarget(name, process, port, tls);
        try
        {
            await process.UntilAsync(asking => Greeting.ComesFromAsync(target.Door.Address, asking), StartTime, cancellation);
            return target;
        }
        catch
        {
            await target.DisposeAsync();
            throw;
        }
    }

    public Task<Usage> ReadUsageAsync(CancellationToken cancellation) =>
        Task.FromResult(new Usage(new Dictionary<string, ProcessCost> { [_name] = ProcessCost.Of(_process.Id) }, null));

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
