using System.Runtime.InteropServices;

namespace Relay.Host.Serving;

/// <summary>The first SIGTERM or Ctrl+C asks the relay to finish; whoever sends a second one wants it to end at once.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private int _seen;

    public StopSignals() =>
        _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT }
            .Select(signal => PosixSignalRegistration.Create(signal, Count))];

    /// <summary>Somebody asked for the stop. Without that a part of the relay has failed and ended it.</summary>
    public bool Asked => Volatile.Read(ref _seen) > 0;

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
