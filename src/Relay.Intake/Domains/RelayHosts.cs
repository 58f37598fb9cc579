using System.Net;
using System.Net.Sockets;
using Relay.Mail.Accounts;

namespace Relay.Intake.Domains;

/// <summary>
/// The names and addresses that the records of sending domains lead to. All nodes must mean the same ones, or each would find
/// wrong what another has found right: where they differ, <see cref="DomainOptions"/> names them.
/// </summary>
/// <param name="Exchangers">Names of relays that take what comes back.</param>
/// <param name="Senders">Names whose addresses mail leaves from.</param>
/// <param name="Addresses">The others that mail leaves from.</param>
/// <param name="Greetings">What this process says in EHLO, its own name first, and from which address, where that is known.</param>
internal sealed record RelayHosts(
    IReadOnlyList<string> Exchangers, IReadOnlyList<string> Senders, IReadOnlyList<IPAddress> Addresses, IReadOnlyList<(string Name, IPAddress? Address)> Greetings)
{
    // What a router in front of us puts its own address in place of: no receiver sees them.
    private static readonly IReadOnlyList<AddressRange> Hidden =
    [
        .. new[] { "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7", "fe80::/10" }
            .Select(text => AddressRange.TryParse(text, out var range) ? range : throw new FormatException(text)),
    ];

    /// <summary>What an SPF record has to hold. An address costs no look-up of the ten that it may need, a name follows when its addresses change.</summary>
    public IReadOnlyList<string> Mechanisms { get; } = [.. Senders.Select(MechanismOf), .. Addresses.Select(MechanismOf)];

    /// <summary>One relay under one name.</summary>
    public static RelayHosts Of(string hostName) => Of(hostName, new DomainOptions(), []);

    /// <param name="sources">The addresses that this process was told to send from, and what it calls each in EHLO.</param>
    public static RelayHosts Of(string hostName, DomainOptions options, IReadOnlyList<(IPAddress Address, string? Name)> sources)
    {
        var named = options.SendingHosts.ToLookup(host => IPAddress.TryParse(host, out _));
        return new RelayHosts(
            options.ReturnPathHosts is [] ? [hostName] : options.ReturnPathHosts,
            options.SendingHosts is []
                ? [.. sources.Where(source => IsHidden(source.Address)).Select(source => source.Name).OfType<string>().Prepend(hostName).Distinct(StringComparer.OrdinalIgnoreCase)]
                : [.. named[false]],
            options.SendingHosts is []
                ? [.. sources.Select(source => source.Address).Where(address => !IsHidden(address)).Distinct()]
                : [.. named[true].Select(IPAddress.Parse)],
            [(hostName, null), .. sources.Where(source => source.Name is not null).Select(source => (source.Name!, IsHidden(source.Address) ? null : source.Address)).Distinct()]);
    }

    public static string MechanismOf(string name) => $"a:{name}";

    public static string MechanismOf(IPAddress address) => $"{(address.AddressFamily == AddressFamily.InterNetwork ? "ip4" : "ip6")}:{address}";

    private static bool IsHidden(IPAddress address) => Hidden.Any(range => range.Contains(address));
}
