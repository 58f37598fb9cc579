using System.Net;
using System.Net.Sockets;
using System.Text;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Delivering;

/// <summary>More clients than the process may have files: they are told so, and mail leaves all the same.</summary>
public sealed class FewFilesTests
{
    private const int MostFiles = 640;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Clients_leave_the_files_with_which_mail_is_delivered()
    {
        RealParts.Require("prlimit");
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup { MostFiles = MostFiles }.WithRoute(remote.Port).With("Submission:MaxConnectionsPerAddress", 10_000));
        await using var early = await Submitter.ConnectAsync(relay, Cancellation);
        var clients = new List<TcpClient>();
        try
        {
            Assert.StartsWith("421 4.3.2 ", await FillAsync(clients, relay.PlainPort, "220 ", ""), StringComparison.Ordinal);
            using var stranger = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{relay.HttpPort}") };
            Assert.True((await stranger.GetAsync("/health/ready", Cancellation)).IsSuccessStatusCode);

            Assert.StartsWith("HTTP/1.1 503 ", await FillAsync(clients, relay.HttpPort, "HTTP/1.1 200", "GET /health/live HTTP/1.1\r\nHost: relay\r\n\r\n"), StringComparison.Ordinal);
            await early.SubmitAsync("shop@sender.test", ["ada@remote.test"], "From: shop@sender.test\r\nSubject: Hello\r\n\r\nHello\r\n"u8.ToArray(), Cancellation);
            await Poll.UntilAsync(() => Task.FromResult(remote.Sessions.Count > 0 && remote.Sessions[0].Commands.Contains("RCPT TO:<ada@remote.test>")), Cancellation, () => relay.Errors);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    // One after the other, so that each hears the answer to those before.
    private static async Task<string> FillAsync(List<TcpClient> clients, int port, string welcome, string request)
    {
        while (true)
        {
            var client = new TcpClient();
            clients.Add(client);
            await client.ConnectAsync(IPAddress.Loopback, port, Cancellation);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), Cancellation);
            if (await LineAsync(client) is var heard && (!heard.StartsWith(welcome, StringComparison.Ordinal) || clients.Count > MostFiles))
            {
                return heard;
            }
        }
    }

    private static async Task<string> LineAsync(TcpClient client)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII, leaveOpen: true);
        return await reader.ReadLineAsync(patience.Token) ?? "";
    }
}
