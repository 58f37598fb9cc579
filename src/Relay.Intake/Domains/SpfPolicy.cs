using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Relay.Mail.Domains;

namespace Relay.Intake.Domains;

/// <summary>
/// An SPF record with all that it includes, looked up once (RFC 7208). Macros are counted but match nothing: what they
/// stand for depends on the mail.
/// </summary>
internal sealed class SpfPolicy
{
    /// <summary>More look-ups make every result an error (RFC 7208, 4.6.4).</summary>
    public const int MostLookUps = 10;

    // Far enough past the limit to say by how much; a record that includes itself ends here.
    private const int GiveUp = 40;

    private readonly List<Term> _terms = [];

    /// <summary>Terms that ask the DNS, in the record and in all that it includes.</summary>
    public int LookUps { get; private set; }

    /// <summary>What makes every result an error; null when nothing does.</summary>
    public string? Fault { get; private set; }

    private SpfPolicy? Redirect { get; set; }

    public static IReadOnlyList<string> RecordsIn(IEnumerable<string> texts) => [.. texts.Where(IsSpf)];

    public static async ValueTask<SpfPolicy> ReadAsync(string domain, string text, IDomainRecords records, CancellationToken cancellation)
    {
        var policy = new SpfPolicy();
        await policy.ReadTermsAsync(domain, text, records, cancellation);
        return policy;
    }

    /// <summary>Whether mail from this address passes.</summary>
    public bool Passes(IPAddress address) => Match(address) == '+';

    private static bool IsSpf(string text) =>
        text.Equals("v=spf1", StringComparison.OrdinalIgnoreCase) || text.StartsWith("v=spf1 ", StringComparison.OrdinalIgnoreCase);

    // The qualifier of the first term that matches; a redirect counts only where none does.
    private char Match(IPAddress address)
    {
        foreach (var term in _terms)
        {
            if (term.Everything || term.Networks.Any(network => network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address))
                || term.Included?.Passes(address) == true)
            {
                return term.Qualifier;
            }
        }

        return Redirect?.Match(address) ?? '?';
    }

    private async ValueTask ReadTermsAsync(string domain, string text, IDomainRecords records, CancellationToken cancellation)
    {
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            if (LookUps >= GiveUp)
            {
                return;
            }

            if (word.StartsWith("redirect=", StringComparison.OrdinalIgnoreCase))
            {
                Redirect = await FollowAsync(word["redirect=".Length..], records, cancellation);
            }
            else if (!word.Split(':', 2)[0].Contains('=', StringComparison.Ordinal))
            {
                await ReadMechanismAsync(domain, word, records, cancellation);
            }
        }
    }

    private async ValueTask ReadMechanismAsync(string domain, string word, IDomainRecords records, CancellationToken cancellation)
    {
        var qualifier = word[0] is '+' or '-' or '~' or '?' ? word[0] : '+';
        var (name, target, prefixes) = Split(word[0] == qualifier ? word[1..] : word);
        target ??= domain;
        switch (name)
        {
            case "all":
                _terms.Add(new Term(qualifier, Everything: true));
                break;
            case "ip4" or "ip6":
                if (IPNetwork.TryParse(word[(word.IndexOf(':', StringComparison.Ordinal) + 1)..] + (word.Contains('/', StringComparison.Ordinal) ? "" : name == "ip4" ? "/32" : "/128"), out var network))
                {
                    _terms.Add(new Term(qualifier) { Networks = [network] });
                }
                else
                {
                    Fault ??= $"{word} cannot be read: behind {name} stands an address or a network, its host bits zero";
                }

                break;
            case "a":
                LookUps++;
                _terms.Add(new Term(qualifier) { Networks = await NetworksOfAsync(target, prefixes, records, cancellation) });
                break;
            case "mx":
                LookUps++;
                var hosts = IsMacro(target) ? [] : await records.FindAsync(target, RecordType.Mx, cancellation);
                var networks = new List<IPNetwork>();
                foreach (var host in hosts.Take(MostLookUps))
                {
                    networks.AddRange(await NetworksOfAsync(host.Split(' ')[^1], prefixes, records, cancellation));
                }

                _terms.Add(new Term(qualifier) { Networks = networks });
                break;
            case "include":
                _terms.Add(new Term(qualifier) { Included = await FollowAsync(target, records, cancellation) });
                break;
            case "exists" or "ptr":
                LookUps++;
                break;
            default:
                Fault ??= $"{word} is no term of SPF";
                break;
        }
    }

    private async ValueTask<SpfPolicy?> FollowAsync(string target, IDomainRecords records, CancellationToken cancellation)
    {
        LookUps++;
        if (IsMacro(target) || LookUps >= GiveUp)
        {
            return null;
        }

        if (RecordsIn(await records.FindAsync(target, RecordType.Txt, cancellation)) is not [var text])
        {
            Fault ??= $"{target}, which is included, has not exactly one SPF record";
            return null;
        }

        // It goes on counting where we stand, so that a circle comes to its end.
        var policy = new SpfPolicy { LookUps = LookUps };
        await policy.ReadTermsAsync(target, text, records, cancellation);
        LookUps = policy.LookUps;
        Fault ??= policy.Fault;
        return policy;
    }

    private static async ValueTask<IReadOnlyList<IPNetwork>> NetworksOfAsync(string host, Prefixes prefixes, IDomainRecords records, CancellationToken cancellation) =>
        IsMacro(host) ? [] : [.. (await records.FindAsync(host, RecordType.Address, cancellation)).Select(IPAddress.Parse).Select(prefixes.NetworkOf)];

    private static bool IsMacro(string name) => name.Contains('%', StringComparison.Ordinal);

    // a:host/24//64: the first prefix is of IPv4, the one behind two slashes of IPv6.
    private static (string Name, string? Target, Prefixes Prefixes) Split(string word)
    {
        var slash = word.IndexOf('/', StringComparison.Ordinal);
        var body = slash < 0 ? word : word[..slash];
        var colon = body.IndexOf(':', StringComparison.Ordinal);
        return (
            (colon < 0 ? body : body[..colon]).ToLowerInvariant(),
            colon < 0 ? null : body[(colon + 1)..].TrimEnd('.'),
            Prefixes.Of(slash < 0 ? "" : word[slash..]));
    }

    private sealed record Term(char Qualifier, bool Everything = false)
    {
        public IReadOnlyList<IPNetwork> Networks { get; init; } = [];
        public SpfPolicy? Included { get; init; }
    }

    private readonly record struct Prefixes(int? Four, int? Six)
    {
        public static Prefixes Of(string text)
        {
            var six = text.IndexOf("//", StringComparison.Ordinal);
            return new Prefixes(
                Number(six < 0 ? text : text[..six], 32),
                six < 0 ? null : Number(text[(six + 1)..], 128));
        }

        public IPNetwork NetworkOf(IPAddress address)
        {
            var octets = address.GetAddressBytes();
            var length = address.AddressFamily == AddressFamily.InterNetwork ? Four ?? 32 : Six ?? 128;
            for (var i = 0; i < octets.Length; i++)
            {
                var bits = Math.Clamp(length - (i * 8), 0, 8);
                octets[i] &= (byte)(0xff << (8 - bits));
            }

            return new IPNetwork(new IPAddress(octets), length);
        }

        private static int? Number(string text, int most) =>
            text.Length > 1 && int.TryParse(text[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most ? number : null;
    }
}
