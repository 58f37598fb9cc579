using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Relay.Delivery.Connections;
using Relay.TestKit;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Connections;

public sealed class TlsResumptionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task The_next_connection_to_a_host_resumes_its_TLS_session()
    {
        var openssl = RealParts.Require("openssl");
        var folder = Directory.CreateTempSubdirectory("relay-tls-");
        using var certificate = TestCertificate.For("mx.resumed.test");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "c.pem"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "k.pem"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), TestContext.Current.CancellationToken);
        var port = FreePorts.Next();
        using var server = Process.Start(new ProcessStartInfo(openssl, ["s_server", "-accept", $"127.0.0.1:{port}", "-cert", "c.pem", "-key", "k.pem", "-www"])
        {
            WorkingDirectory = folder.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            await WaitUntil.TrueAsync(() => Answers(port));

            Assert.Contains("New, TLSv1.3", await TalkAsync(port));
            Assert.Contains("Reused, TLSv1.3", await TalkAsync(port));
        }
        finally
        {
            server.Kill();
            folder.Delete(recursive: true);
        }
    }

    private static bool Answers(int port)
    {
        try
        {
            using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    // What the server says about the session.
    private static async Task<string> TalkAsync(int port)
    {
        using var wire = await Wire.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), null, Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        var options = new SslClientAuthenticationOptions { TargetHost = "mx.resumed.test", RemoteCertificateValidationCallback = (_, _, _, _) => true };
        Assert.True(await wire.StartTlsAsync(options, Patience), wire.Failure);
        Assert.Equal(Handed.All, await wire.SendAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), Patience));

        var text = new StringBuilder();
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await wire.ReceiveAsync(buffer, Patience)) > 0)
        {
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        return text.ToString();
    }
}
