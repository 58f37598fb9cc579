using System.Net;

namespace Relay.Delivery.Sources;

/// <summary>
/// Which of our addresses a domain refuses, at the site that serves it, for what it thinks of them. For a while its mail leaves
/// from another one, where there is another. An address that several domains of a provider refuse, and none takes, is one that
/// the provider refuses: the others' mail is not sent from it to hear the same.
/// </summary>
internal sealed class UnwantedSources(TimeProvider time)
{
    // Lists of bad addresses are made anew by the hour; to ask once in one does no harm to what is thought of us.
    private static readonly TimeSpan For = TimeSpan.FromHours(1);

    // As many as a provider is left alone for: two may share an owner, or a list that is not their provider's.
    private const int DomainsOfProvider = 3;

    // More refusals than anybody has at a time who can still send mail; then they are found out anew.
    private const int MaxKnown = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Site, string Domain, IPAddress Source), DateTimeOffset> _until = [];
    private readonly Dictionary<(string Provider, IPAddress Source), Refusals> _byProvider = [];
    private long _lastUntil;

    /// <summary>False where nobody refuses any.</summary>
    public bool AreAny => time.GetUtcNow().Ticks < Volatile.Read(ref _lastUntil);

    public void Note(string site, string provider, string domain, IPAddress source)
    {
        lock (_lock)
        {
            if (_until.Count >= MaxKnown)
            {
                _until.Clear();
                _byProvider.Clear();
            }

            var now = time.GetUtcNow();
            var until = now + For;
            _until[(site, domain, source)] = until;
            if (!_byProvider.TryGetValue((provider, source), out var refusals) || refusals.Until <= now)
            {
                _byProvider[(provider, source)] = refusals = new Refusals();
            }

            refusals.Domains.Add(domain);
            refusals.Until = until;
            Volatile.Write(ref _lastUntil, until.Ticks);
        }
    }

    /// <summary>A domain of the provider has taken mail from this address.</summary>
    public void Took(string provider, IPAddress source)
    {
        lock (_lock)
        {
            _byProvider.Remove((provider, source));
        }
    }

    public bool Contains(string site, string provider, string domain, IPAddress source)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            return (_until.TryGetValue((site, domain, source), out var until) && now < until)
                || (_byProvider.TryGetValue((provider, source), out var refusals) && refusals.Domains.Count >= DomainsOfProvider && now < refusals.Until);
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

            foreach (var (key, _) in _byProvider.Where(entry => entry.Value.Domains.Contains(domain)).ToList())
            {
                _byProvider.Remove(key);
            }
        }
    }

    /// <summary>Domains in a row that refuse one of our addresses.</summary>
    private sealed class Refusals
    {
        public HashSet<string> Domains { get; } = new(StringComparer.Ordinal);

        public DateTimeOffset Until { get; set; }
    }
}
