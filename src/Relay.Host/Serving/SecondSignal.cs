using System.Runtime.InteropServices;

namespace Relay.Host.Serving;

/// <summary>The first SIGTERM or Ctrl+C asks the relay to finish; whoever sends a second one wants it to end at once.</summary>
internal sealed class SecondSignal : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private int _seen;

    public SecondSignal() =>
        _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT }
            .Select(signal => PosixSignalRegistration.Create(signal, Count))];

    public void Dispose() => Array.ForEach(_registrations, r => r.Dispose());

    private void Count(PosixSignalContext context)
    {
        // What was accepted is durable already; at worst a transaction past its dot becomes uncertain.
        if (Interlocked.Increment(ref _seen) > 1)
        {
            Environment.Exit(128 + (context.Signal switch { PosixSignal.SIGINT => 2, PosixSignal.SIGQUIT => 3, _ => 15 }));
        }
    }
}
