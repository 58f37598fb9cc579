using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Connections;

/// <summary>What a sentinel says in several answers, while a failover goes on between them.</summary>
public sealed class SentinelRouteTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_primary_that_is_replaced_while_the_sentinel_is_asked_is_not_followed_in_the_epoch_of_the_next()
    {
        await using var sentinel = new ScriptedSentinel();
        await using var route = SentinelRoute.Under(StoreConnections.Configure($"127.0.0.1:{sentinel.Port},serviceName=relay", TimeSpan.FromSeconds(5)))!;

        var led = await route.GetSocketConnectEndpointAsync(new DnsEndPoint("relay", 6379), Cancellation);

        Assert.Equal(ScriptedSentinel.Next, led);
        Assert.True(sentinel.Asked > 1);
    }

    /// <summary>Names the old primary once, and the next one ever after.</summary>
    private sealed class ScriptedSentinel : IAsyncDisposable
    {
        public static readonly IPEndPoint Next = new(IPAddress.Loopback, 7002);
        private static readonly IPEndPoint Old = new(IPAddress.Loopback, 7001);

        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stopping = new();
        private readonly Task _accepting;
        private int _asked;

        public ScriptedSentinel()
        {
            _listener.Start();
            _accepting = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        /// <summary>How often it was asked for the address.</summary>
        public int Asked => _asked;

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            _listener.Dispose();
            await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stopping.Dispose();
        }

        private async Task AcceptAsync()
        {
            while (true)
            {
                _ = AnswerAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
            }
        }

        private async Task AnswerAsync(TcpClient client)
        {
            using (client)
            {
                try
                {
                    using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
                    while (await reader.ReadLineAsync(_stopping.Token) is { Length: > 1 } count)
                    {
                        var words = new string[int.Parse(count.AsSpan(1), CultureInfo.InvariantCulture)];
                        for (var i = 0; i < words.Length; i++)
                        {
                            await reader.ReadLineAsync(_stopping.Token);
                            words[i] = await reader.ReadLineAsync(_stopping.Token) ?? "";
                        }

                        await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(AnswerTo(words)), _stopping.Token);
                    }
                }
                catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
                {
                    // The client went away, or the test ends.
                }
            }
        }

        private string AnswerTo(string[] words) => words switch
        {
            ["PING", ..] => "+PONG\r\n",
            ["INFO", ..] => Bulk("redis_version:7.0.0\r\nredis_mode:sentinel\r\nrole:sentinel\r\n"),
            ["CLIENT", ..] => "+OK\r\n",
            ["SUBSCRIBE", var channel] => $"*3\r\n{Bulk("subscribe")}{Bulk(channel)}:1\r\n",
            ["SENTINEL", var what, _] when what.Equals("GET-MASTER-ADDR-BY-NAME", StringComparison.OrdinalIgnoreCase) =>
                ArrayOf(Interlocked.Increment(ref _asked) == 1 ? Old : Next),
            ["SENTINEL", var what, _] when what.Equals("MASTER", StringComparison.OrdinalIgnoreCase) =>
                ArrayOf("ip", Next.Address.ToString(), "port", Text(Next.Port), "flags", "master", "config-epoch", "7"),
            _ => "-ERR unknown command\r\n",
        };

        private static string ArrayOf(IPEndPoint server) => ArrayOf(server.Address.ToString(), Text(server.Port));

        private static string ArrayOf(params string[] words) => $"*{Text(words.Length)}\r\n{string.Concat(words.Select(Bulk))}";

        private static string Bulk(string word) => $"${Text(word.Length)}\r\n{word}\r\n";

        private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }
}
