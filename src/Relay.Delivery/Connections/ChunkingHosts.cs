using System.Collections.Concurrent;
using System.Net;

namespace Relay.Delivery.Connections;

/// <summary>
/// How hosts that offer CHUNKING deal with it. Only one that has taken a chunk after each command before it was answered is
/// trusted with envelope and content in one flight; one that has lost step over a chunk gets DATA from then on.
/// </summary>
internal sealed class ChunkingHosts
{
    // They are found out anew when there are so many.
    private const int MaxKnown = 10_000;

    private readonly ConcurrentDictionary<IPEndPoint, bool> _passed = new();

    public bool HasPassed(IPEndPoint host) => _passed.TryGetValue(host, out var passed) && passed;

    public bool HasFailed(IPEndPoint host) => _passed.TryGetValue(host, out var passed) && !passed;

    /// <summary>A chunk was taken. Who has failed once has failed.</summary>
    public void Pass(IPEndPoint host) => Note(host, passed: true);

    public void Fail(IPEndPoint host) => Note(host, passed: false);

    private void Note(IPEndPoint host, bool passed)
    {
        // After each delivery, and nearly always nothing new. To count takes every lock there is.
        if (_passed.TryGetValue(host, out var known) && (known == passed || !known))
        {
            return;
        }

        if (_passed.Count >= MaxKnown)
        {
            _passed.Clear();
        }

        _passed.AddOrUpdate(host, passed, (_, before) => before && passed);
    }
}
