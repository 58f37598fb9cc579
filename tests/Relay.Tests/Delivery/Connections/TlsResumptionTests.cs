using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Relay.Delivery.Connections;
using Relay.Mail.Events;
using Relay.TestKit;
using Relay.TestKit.Dns;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Connections;

public sealed class TlsResumptionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("-tls1_3", "TLSv1.3")]
    [InlineData("-tls1_2", "TLSv1.2")]
    public async Task The_next_connection_to_a_host_resumes_its_TLS_session(string only, string version)
    {
        var openssl = RealParts.Require("openssl");
        var host = $"mx.{version.ToLowerInvariant()}.test";
        var folder = Directory.CreateTempSubdirectory("relay-tls-");
        using var certificate = TestCertificate.For(host);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "c.pem"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "k.pem"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), TestContext.Current.CancellationToken);
        var port = FreePorts.Next();
        using var server = Process.Start(new ProcessStartInfo(openssl, ["s_server", "-accept", $"127.0.0.1:{port}", "-cert", "c.pem", "-key", "k.pem", "-www", only])
        {
            WorkingDirectory = folder.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            await WaitUntil.TrueAsync(() => Answers(port));

            var (first, isFirstResumed) = await TalkAsync(port, host);
            Assert.Contains($"New, {version}", first);
            Assert.False(isFirstResumed);

            var (second, isSecondResumed) = await TalkAsync(port, host);
            Assert.Contains($"Reused, {version}", second);
            Assert.True(isSecondResumed);
        }
        finally
        {
            server.Kill();
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Connections_of_a_site_resume_and_it_is_counted()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { HostName = "mx.counted.test", Tls = RemoteTls.StartTls });
        await using var dns = ScriptedDns.Start();
        dns.Mx("counted.test", (10, "mx.counted.test")).A("mx.counted.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(
            dns, remote.Port, ("Delivery:MessagesPerConnection", 1), ("Delivery:ConnectionsPerSite", 1));
        var counted = new ConcurrentQueue<object?>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Scope == delivery.Part<IMeterFactory>() && instrument.Name == "relay.tls.handshakes")
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => counted.Enqueue(tags[0].Value));
        listener.Start();

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync($"a{i}@counted.test"))[0].Type);
        }

        Assert.Equal(3, remote.Sessions.Count(session => session.IsTls));
        Assert.Equal([false, true, true], counted);
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
    private static async Task<(string Words, bool IsResumed)> TalkAsync(int port, string host)
    {
        using var wire = await Wire.ConnectAsync(Connector.NewSocket(AddressFamily.InterNetwork), new IPEndPoint(IPAddress.Loopback, port), null, Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        var options = new SslClientAuthenticationOptions { TargetHost = host, RemoteCertificateValidationCallback = (_, _, _, _) => true };
        Assert.True(await wire.StartTlsAsync(options, Patience), wire.Failure);
        Assert.Equal(Handed.All, await wire.SendAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), Patience));

        var text = new StringBuilder();
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await wire.ReceiveAsync(buffer, Patience)) > 0)
        {
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        return (text.ToString(), wire.IsResumed);
    }
}
