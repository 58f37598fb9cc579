using System.Collections.Concurrent;
using Relay.Mail.Accounts;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>Signs for one domain, with its keys of now or of an earlier time. Keys are made ready when they are first asked for: most look-ups only ask whether a domain may send.</summary>
internal sealed class DomainSigners(SendingDomain domain, KeySeal seal)
{
    private readonly IReadOnlyList<DkimKey> _keysOfNow = domain.SigningKeys();
    private readonly ConcurrentDictionary<string, Lazy<SigningKey>> _ready = new(StringComparer.Ordinal);
    private DkimSigner? _now;

    public DkimSigner Now => _now ??= Of(_keysOfNow);

    public DkimSigner At(DateTimeOffset time) => domain.SigningKeys(time) is var then && then.SequenceEqual(_keysOfNow) ? Now : Of(then);

    private DkimSigner Of(IReadOnlyList<DkimKey> keys) => new(domain.Name, [.. keys.Select(Ready)]);

    private SigningKey Ready(DkimKey key) => _ready
        .GetOrAdd(key.Selector, _ => new Lazy<SigningKey>(() => SigningKey.Of(key.Algorithm, key.Selector, seal.Open(key.PrivateKey, KeyPair.PlaceOf(domain, key.Selector)))))
        .Value;
}
