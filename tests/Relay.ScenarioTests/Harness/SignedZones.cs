using Relay.TestKit;

namespace Relay.ScenarioTests.Harness;

/// <summary>
/// A DNS as the world has it, on loopback: Knot serves zones and signs those that are to be signed, and Unbound resolves and
/// validates them by a trust anchor.
/// </summary>
internal sealed class SignedZones : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-zones-").FullName;
    private readonly int _authority = FreePorts.Next();
    private readonly int _resolver = FreePorts.Next();
    private ChildProcess? _knot;
    private ChildProcess? _unbound;

    /// <summary>The validating resolver, as the configuration wants it.</summary>
    public string Server => $"127.0.0.1:{_resolver}";

    /// <param name="signed">Zones by name, each a zone file without SOA and NS.</param>
    /// <param name="forged">Of these the resolver has a trust anchor that does not fit: whatever they say is bogus.</param>
    public static async Task<SignedZones> StartAsync(
        IReadOnlyDictionary<string, string> signed, IReadOnlyDictionary<string, string> forged, IReadOnlyDictionary<string, string> plain, CancellationToken cancellation)
    {
        var (knotd, keymgr, unbound) = (RealParts.Require("knotd"), RealParts.Require("keymgr"), RealParts.Require("unbound"));
        var zones = new SignedZones();
        try
        {
            foreach (var (name, records) in signed.Concat(forged).Concat(plain))
            {
                await File.WriteAllTextAsync(Path.Combine(zones._folder, $"{name}.zone"), $"$ORIGIN {name}.\n$TTL 60\n@ SOA ns admin 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n{records}\n", cancellation);
            }

            Directory.CreateDirectory(Path.Combine(zones._folder, "db"));
            await File.WriteAllTextAsync(zones.KnotSettings, zones.Knot([.. signed.Keys, .. forged.Keys], [.. plain.Keys]), cancellation);
            zones._knot = ChildProcess.Start(knotd, ["-c", zones.KnotSettings], zones._folder);
            await WaitAsync(zones._knot, zones._authority, cancellation);

            var anchors = new List<string>();
            foreach (var name in signed.Keys.Concat(forged.Keys))
            {
                var ds = (await ChildProcess.RunAsync(keymgr, ["-c", zones.KnotSettings, name, "ds"], cancellation, zones._folder)).Succeeded().Output.Split('\n')[0];
                anchors.Add(forged.ContainsKey(name) ? $"{ds[..^8]}deadbeef" : ds);
            }

            await File.WriteAllTextAsync(zones.UnboundSettings, zones.Unbound([.. signed.Keys, .. forged.Keys, .. plain.Keys], anchors), cancellation);
            zones._unbound = ChildProcess.Start(unbound, ["-d", "-c", zones.UnboundSettings], zones._folder);
            await WaitAsync(zones._unbound, zones._resolver, cancellation);
            return zones;
        }
        catch
        {
            await zones.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in new[] { _unbound, _knot })
        {
            if (process is not null)
            {
                await process.DisposeAsync();
            }
        }

        Directory.Delete(_folder, recursive: true);
    }

    private string KnotSettings => Path.Combine(_folder, "knot.conf");

    private string UnboundSettings => Path.Combine(_folder, "unbound.conf");

    private static Task WaitAsync(ChildProcess process, int port, CancellationToken cancellation) =>
        PortProbe.UntilAnswersAsync(port, () => process.HasExited, () => $"{process.Output}\n{process.Errors}", cancellation);

    private string Knot(IReadOnlyList<string> signed, IReadOnlyList<string> plain) => $"""
        server:
            rundir: "{_folder}"
            listen: 127.0.0.1@{_authority}
        database:
            storage: "{_folder}/db"
        policy:
          - id: own
            algorithm: ecdsap256sha256
            single-type-signing: on
        template:
          - id: default
            storage: "{_folder}"
            file: "%s.zone"
            zonefile-sync: -1
            journal-content: none
        zone:
        {string.Concat(signed.Select(z => $"  - domain: {z}\n    dnssec-signing: on\n    dnssec-policy: own\n"))}{string.Concat(plain.Select(z => $"  - domain: {z}\n"))}
        """;

    private string Unbound(IReadOnlyList<string> zones, IReadOnlyList<string> anchors) => $"""
        server:
          directory: "{_folder}"
          chroot: ""
          username: ""
          pidfile: ""
          use-syslog: no
          interface: 127.0.0.1@{_resolver}
          do-ip6: no
          do-not-query-localhost: no
          local-zone: "test." nodefault
          module-config: "validator iterator"
        {string.Concat(anchors.Select(a => $"  trust-anchor: \"{a}\"\n"))}{string.Concat(zones.Select(z => $"stub-zone:\n  name: \"{z}\"\n  stub-addr: 127.0.0.1@{_authority}\n"))}
        """;
}
