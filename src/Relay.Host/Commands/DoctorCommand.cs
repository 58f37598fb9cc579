using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Relay.Host.Commands;

/// <summary>
/// <c>relay doctor</c>: asks a running relay how it is, and knocks at each of its doors itself. Needs no key, so that a
/// container's health check can use it. With a domain it shows the receivers' checklist instead, with a destination how mail
/// would leave for it.
/// </summary>
internal static class DoctorCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly Option<bool> AsJson = new("--json") { Description = "Print the relay's own answer as JSON." };

    private static readonly Option<string?> Domain = new("--domain")
    {
        Description = "Show how this sending domain stands against what Gmail, Yahoo and Microsoft ask (needs a key).",
        HelpName = "D",
    };

    private static readonly Option<string?> Destination = new("--destination")
    {
        Description = "Show how mail to this domain would leave now: hosts, and what their TLS has to prove (needs the admin key).",
        HelpName = "D",
    };

    public static Command Create()
    {
        var command = new Command("doctor", "Check a running relay: its store, its doors, its certificate; a sending domain; or a destination.") { AsJson, Domain, Destination };
        command.SetAction(async (parsed, cancellation) =>
        {
            try
            {
                if (parsed.GetValue(Domain) is { } domain)
                {
                    using var relay = RelayClient.FromEnvironment();
                    return await DomainCommand.CheckAsync(relay, domain, new Printout(parsed.GetValue(AsJson)), cancellation);
                }

                if (parsed.GetValue(Destination) is { } destination)
                {
                    using var relay = RelayClient.FromEnvironment();
                    return await LookAtAsync(relay, destination, new Printout(parsed.GetValue(AsJson)), cancellation);
                }

                return await ExamineAsync(new Printout(parsed.GetValue(AsJson)), cancellation);
            }
            catch (CommandFailure failure)
            {
                Printout.Problem(failure.Message);
                return failure.ExitCode;
            }
        });
        return command;
    }

    private static async Task<int> LookAtAsync(RelayClient relay, string domain, Printout print, CancellationToken cancellation)
    {
        var found = await relay.GetAsync($"queue/destinations/{Uri.EscapeDataString(domain)}", cancellation);
        var reachable = found.Items("hosts").Any(host => host.Text("usable") == "true");
        if (!print.Whole(found))
        {
            Printout.Facts(
                ("way", found.Text("way")),
                ("trouble", found.Text("trouble")),
                ("proved by DNSSEC", found.Text("secure") == "true" ? "yes" : "no"),
                ("MTA-STS", found.Text("sts") ?? "none"),
                ("TLS reports to", string.Join(", ", found.Items("reports").SelectMany(Json.Texts))));
            Console.WriteLine();
            Printout.Table(
                ["host", "port", "addresses", "usable", "terms"],
                [
                    .. found.Items("hosts").Select(host => new[]
                    {
                        host.Text("name"), host.Text("port"), string.Join(", ", host.Items("addresses").SelectMany(Json.Texts)), host.Text("usable") == "true" ? "yes" : "no", host.Text("terms"),
                    }),
                ],
                "no host");
        }

        return reachable ? ExitCode.Done : ExitCode.Refused;
    }

    private static async Task<int> ExamineAsync(Printout print, CancellationToken cancellation)
    {
        var url = RelayClient.UrlFromEnvironment();
        var (healthy, readiness) = await AskAsync(url, cancellation);
        if (print.Whole(readiness))
        {
            return healthy ? ExitCode.Done : ExitCode.Unavailable;
        }

        var doors = new List<(string Door, bool Well, string Finding)>();
        foreach (var listener in readiness.Items("listeners").Where(l => l.Text("protocol") is "smtp" or "inbound"))
        {
            var (well, finding) = await KnockAsync(url, listener, cancellation);
            doors.Add(($"{listener.Text("protocol")} {listener.Text("address")}", well, finding));
        }

        var store = readiness.GetProperty("store");
        Printout.Table(
            ["what", "how", "finding"],
            [
                [$"relay {url}", healthy ? "well" : "ill", readiness.Text("status")],
                ["store", store.Text("answers") == "true" ? "well" : "ill", PromiseOf(store)],
                .. LossesOf(store),
                .. store.Items("warnings").SelectMany(Json.Texts).Select(warning => new[] { "store", "look", warning }),
                .. doors.Select(d => new[] { d.Door, d.Well ? "well" : "ill", d.Finding }),
            ],
            "");
        return healthy && doors.TrueForAll(d => d.Well) ? ExitCode.Done : ExitCode.Unavailable;
    }

    private static async Task<(bool Healthy, JsonElement Readiness)> AskAsync(Uri url, CancellationToken cancellation)
    {
        using var http = new HttpClient { BaseAddress = url, Timeout = Patience };
        try
        {
            using var response = await http.GetAsync("health/ready", cancellation);
            return (response.IsSuccessStatusCode, JsonElement.Parse(await response.Content.ReadAsByteArrayAsync(cancellation)));
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            throw new CommandFailure(ExitCode.Unavailable, $"no relay answers at {url} ({e.Message}); {RelayClient.UrlVariable} names another one");
        }
        catch (JsonException)
        {
            throw new CommandFailure(ExitCode.Unavailable, $"what answers at {url} is no relay");
        }
    }

    private static string PromiseOf(JsonElement store) =>
        store.Text("promise") is { } promise
            ? $"{promise}{(store.Text("declared") == "true" ? " (declared)" : "")}: {store.Text("sentence")}"
            : "its settings were not read yet";

    // What each accident would cost.
    private static IEnumerable<string[]> LossesOf(JsonElement store) =>
        store.TryGetProperty("losses", out var losses) && losses.ValueKind == JsonValueKind.Object
            ?
            [
                ["if the store is killed", "", losses.Text("processKill") ?? ""],
                ["if its machine crashes", "", losses.Text("machineCrash") ?? ""],
                ["if a replica takes over", "", losses.Text("failover") ?? ""],
            ]
            : [];

    // The dialogue as far as TLS: a greeting, what is offered, the certificate. No login, no mail.
    private static async Task<(bool Well, string Finding)> KnockAsync(Uri url, JsonElement listener, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(ReachableFrom(url, IPEndPoint.Parse(listener.Text("address")!)), deadline.Token);
            Stream stream = socket.GetStream();
            return listener.Text("tls") switch
            {
                "Implicit" => await HandshakeAsync(stream, url.Host, deadline.Token),
                "StartTls" => await StartTlsAsync(stream, url.Host, deadline.Token),
                _ => (true, await GreetingAsync(new StreamReader(stream), deadline.Token)),
            };
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException or OperationCanceledException)
        {
            return (false, e is OperationCanceledException ? "does not answer" : e.Message);
        }
    }

    // A door on any address is found where the relay itself was.
    private static IPEndPoint ReachableFrom(Uri url, IPEndPoint endPoint) =>
        endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any)
            ? new IPEndPoint(IPAddress.TryParse(url.Host, out var host) ? host : IPAddress.Loopback, endPoint.Port)
            : endPoint;

    private static async Task<(bool, string)> StartTlsAsync(Stream stream, string host, CancellationToken cancellation)
    {
        var reader = new StreamReader(stream);
        await GreetingAsync(reader, cancellation);
        await stream.WriteAsync("EHLO doctor.invalid\r\n"u8.ToArray(), cancellation);
        var offers = false;
        string line;
        do
        {
            line = await reader.ReadLineAsync(cancellation) ?? throw new IOException("closed the connection");
            offers |= line.EndsWith("STARTTLS", StringComparison.OrdinalIgnoreCase);
        }
        while (line is [_, _, _, '-', ..]);

        if (!offers)
        {
            return (false, "does not offer STARTTLS: there is no certificate");
        }

        await stream.WriteAsync("STARTTLS\r\n"u8.ToArray(), cancellation);
        await GreetingAsync(reader, cancellation);
        return await HandshakeAsync(stream, host, cancellation);
    }

    private static async Task<(bool, string)> HandshakeAsync(Stream stream, string host, CancellationToken cancellation)
    {
        var trusted = SslPolicyErrors.None;
        // The certificate is what is looked at: whatever it is, the handshake goes on and nothing secret is said.
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: false, (_, _, _, errors) =>
        {
            trusted = errors;
            return true;
        });
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host }, cancellation);
        using var certificate = new X509Certificate2(tls.RemoteCertificate!);
        var until = certificate.NotAfter.ToUniversalTime();
        var kind = certificate.Subject == certificate.Issuer ? "self-signed" : trusted.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) ? "not trusted here" : "trusted";
        return (
            until > DateTime.UtcNow,
            string.Create(CultureInfo.InvariantCulture, $"{tls.SslProtocol}, certificate {certificate.GetNameInfo(X509NameType.DnsName, false)} ({kind}) until {until:yyyy-MM-dd}"));
    }

    private static async Task<string> GreetingAsync(StreamReader reader, CancellationToken cancellation) =>
        await reader.ReadLineAsync(cancellation) is { } line && line.StartsWith("220", StringComparison.Ordinal)
            ? line
            : throw new IOException("did not answer 220");
}
