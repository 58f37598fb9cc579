using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Relay.Host.Commands;

/// <summary>What was found at a door: <c>well</c>; <c>look</c>, where mail flows but some clients will refuse; <c>ill</c>; <c>unseen</c>, where it cannot be reached from here and need not.</summary>
internal sealed record DoorFinding(string Door, string State, string Finding)
{
    public const string Well = "well";
    public const string Look = "look";
    public const string Ill = "ill";
    public const string Unseen = "unseen";
}

/// <summary>Knocks at a door as a client would, as far as TLS: a greeting, what is offered, the certificate. No login, no mail.</summary>
/// <param name="url">Of the relay's API, by which it was reached.</param>
/// <param name="isElsewhere">The relay runs on another machine, or in a container: its loopback is not ours.</param>
internal sealed class DoorVisit(Uri url, bool isElsewhere, TimeSpan patience)
{
    public async Task<DoorFinding> KnockAsync(JsonElement listener, CancellationToken cancellation)
    {
        var door = $"{listener.Text("protocol")} {listener.Text("address")}";
        if (!IPEndPoint.TryParse(listener.Text("address") ?? "", out var endPoint))
        {
            return new DoorFinding(door, DoorFinding.Ill, "says no address");
        }

        if (isElsewhere && IPAddress.IsLoopback(endPoint.Address))
        {
            return new DoorFinding(door, DoorFinding.Unseen, "not looked at: it is for the relay's own machine only, which is another one");
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(patience);
        try
        {
            using var socket = new TcpClient();
            await ConnectAsync(socket, endPoint, deadline.Token);
            Stream stream = socket.GetStream();
            var (state, finding) = listener.Text("tls") switch
            {
                "Implicit" => await HandshakeAsync(stream, greeted: null, deadline.Token),
                "StartTls" => await StartTlsAsync(stream, deadline.Token),
                _ => (DoorFinding.Well, await GreetingAsync(new StreamReader(stream), deadline.Token)),
            };
            return new DoorFinding(door, state, finding);
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException or OperationCanceledException)
        {
            return new DoorFinding(door, DoorFinding.Ill, e is OperationCanceledException ? "does not answer" : e.Message);
        }
    }

    // A door on any address is found where the relay itself was.
    private ValueTask ConnectAsync(TcpClient socket, IPEndPoint endPoint, CancellationToken cancellation) =>
        endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any)
            ? socket.ConnectAsync(url.DnsSafeHost, endPoint.Port, cancellation)
            : socket.ConnectAsync(endPoint, cancellation);

    private static async Task<(string State, string Finding)> StartTlsAsync(Stream stream, CancellationToken cancellation)
    {
        var reader = new StreamReader(stream);
        var greeting = await GreetingAsync(reader, cancellation);
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
            return (DoorFinding.Ill, "does not offer STARTTLS: there is no certificate");
        }

        await stream.WriteAsync("STARTTLS\r\n"u8.ToArray(), cancellation);
        await GreetingAsync(reader, cancellation);
        return await HandshakeAsync(stream, NameIn(greeting), cancellation);
    }

    /// <param name="greeted">The name that the relay goes by; null where it greets inside TLS.</param>
    private static async Task<(string State, string Finding)> HandshakeAsync(Stream stream, string? greeted, CancellationToken cancellation)
    {
        var trouble = SslPolicyErrors.None;
        // The certificate is what is looked at: whatever it is, the handshake goes on and nothing secret is said.
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: false, (_, _, _, errors) =>
        {
            trouble = errors;
            return true;
        });
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = greeted ?? "relay.invalid" }, cancellation);
        using var certificate = new X509Certificate2(tls.RemoteCertificate!);
        var name = greeted ?? NameIn(await GreetingAsync(new StreamReader(tls), cancellation));
        return Judge(certificate, isTrusted: !trouble.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors), name, tls.SslProtocol.ToString());
    }

    /// <summary>What clients will make of a certificate that the relay shows.</summary>
    /// <param name="isTrusted">By this machine.</param>
    /// <param name="name">The name that the relay goes by, which clients are set up with.</param>
    public static (string State, string Finding) Judge(X509Certificate2 certificate, bool isTrusted, string name, string protocol)
    {
        var until = certificate.NotAfter.ToUniversalTime();
        var kind = certificate.Subject == certificate.Issuer ? "self-signed" : isTrusted ? "trusted" : "not trusted here";
        var finding = string.Create(CultureInfo.InvariantCulture, $"{protocol}, certificate {certificate.GetNameInfo(X509NameType.DnsName, false)} ({kind}) until {until:yyyy-MM-dd}");
        return until <= DateTime.UtcNow ? (DoorFinding.Ill, $"{finding}: it has expired")
            : !certificate.MatchesHostname(name) ? (DoorFinding.Look, $"{finding}: it is not for {name}, the name that the relay goes by")
            : kind != "trusted" ? (DoorFinding.Look, $"{finding}: clients that check it refuse; Relay:Tls:Certificate names another one")
            : (DoorFinding.Well, finding);
    }

    // 220 mx.example.com ESMTP
    private static string NameIn(string greeting) => greeting.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries) is [_, var name, ..] ? name : "";

    private static async Task<string> GreetingAsync(StreamReader reader, CancellationToken cancellation) =>
        await reader.ReadLineAsync(cancellation) is { } line && line.StartsWith("220", StringComparison.Ordinal)
            ? line
            : throw new IOException("did not answer 220");
}
