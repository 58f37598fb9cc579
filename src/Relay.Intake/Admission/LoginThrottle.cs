using System.Net;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Admission;

/// <summary>
/// Holds failed logins down, by address, by credential and in all (ops/decisions/0021). It is asked only after a key was found
/// wrong: whoever has a right one is never kept out, not even from the address that others guess from. Each node counts for
/// itself.
/// </summary>
internal sealed class LoginThrottle(IOptions<LoginOptions> options, TimeProvider time)
{
    // Some hundred octets each. What is forgotten beyond it is forgiven; the count of all goes on.
    private const int Capacity = 20_000;

    private readonly LeakyCount<IPAddress> _byAddress = new(options.Value.FailuresPerAddress, options.Value.Window, Capacity);
    private readonly LeakyCount<string> _byCredential = new(options.Value.FailuresPerKey, options.Value.Window, Capacity);
    private readonly LeakyCount<bool> _inAll = new(options.Value.FailuresInAll, options.Value.Window, 2);
    private readonly Lock _lock = new();

    /// <summary>Counts a failure. Null when it is answered as one; else how long its sender should wait.</summary>
    /// <param name="credential">The one it was about, where that is known.</param>
    public TimeSpan? Fail(IPAddress? from, string? credential)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var waits = new[]
            {
                from is null ? null : _byAddress.Add(ClientOrigin.Of(from), now, time),
                credential is null ? null : _byCredential.Add(credential, now, time),
                _inAll.Add(true, now, time),
            };
            return waits.Max();
        }
    }
}
