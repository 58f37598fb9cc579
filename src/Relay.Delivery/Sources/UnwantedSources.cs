using System.Net;

namespace Relay.Delivery.Sources;

/// <summary>
/// Which of our addresses a domain refuses, at the site that serves it, for what it thinks of them. For a while its mail leaves
/// from another one, where there is another.
/// </summary>
internal sealed class UnwantedSources(TimeProvider time)
{
    // Lists of bad addresses are made anew by the hour; to ask once in one does no harm to what is thought of us.
    private static readonly TimeSpan For = TimeSpan.FromHours(1);

    // More refusals than anybody has at a time who can still send mail; then they are found out anew.
    private const int MaxKnown = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Site, string Domain, IPAddress Source), DateTimeOffset> _until = [];
    private volatile bool _any;

    public void Note(string site, string domain, IPAddress source)
    {
        lock (_lock)
        {
            if (_until.Count >= MaxKnown)
            {
                _until.Clear();
            }

            _until[(site, domain, source)] = time.GetUtcNow() + For;
            _any = true;
        }
    }

    public bool Contains(string site, string domain, IPAddress source)
    {
        // Asked for each message.
        if (!_any)
        {
            return false;
        }

        lock (_lock)
        {
            return _until.TryGetValue((site, domain, source), out var until) && time.GetUtcNow() < until;
        }
    }

    /// <summary>Somebody knows better.</summary>
    public void Forget(string domain)
    {
        lock (_lock)
        {
            foreach (var key in _until.Keys.Where(key => key.Domain == domain).ToList())
            {
                _until.Remove(key);
            }

            _any = _until.Count > 0;
        }
    }
}
