using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Relay.TestKit.Redis;

/// <summary>Stands between a client and a redis-server, and loses an answer when told: the request is carried out, nobody hears of it.</summary>
public sealed class RedisProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly int _serverPort;
    private readonly Task _accepting;
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string[]? _marks;
    private volatile Misfortune? _random;
    private int _lostCount;

    public RedisProxy(int serverPort)
    {
        _serverPort = serverPort;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string ConnectionString => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>Ends when an answer was lost.</summary>
    public Task Lost => _lost.Task;

    /// <summary>From now on each request with this mark loses its answer with that chance; ends with a chance of 0.</summary>
    public void LoseAnswersAtRandom(string mark, double chance, int seed) =>
        _random = chance > 0 ? new Misfortune(mark, chance, new Random(seed)) : null;

    /// <summary>Answers lost so far.</summary>
    public int LostCount => _lostCount;

    /// <summary>The next request that holds all of these is passed on; its answer is thrown away and the connection closed.</summary>
    public void LoseAnswerTo(params string[] marks) => _marks = marks;

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
            var client = await _listener.AcceptTcpClientAsync(_stopping.Token);
            _ = RelayAsync(client);
        }
    }

    private async Task RelayAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _serverPort, _stopping.Token);
                var link = new Link(client, server);
                await Task.WhenAny(RequestsAsync(link), AnswersAsync(link));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // Either side went away, and so do we.
            }
        }
    }

    private async Task RequestsAsync(Link link)
    {
        var buffer = new byte[1 << 16];
        while (await link.Client.GetStream().ReadAsync(buffer, _stopping.Token) is var count && count > 0)
        {
            if (_marks is { } marks && Array.TrueForAll(marks, mark => Encoding.ASCII.GetString(buffer, 0, count).Contains(mark, StringComparison.Ordinal)))
            {
                _marks = null;
                link.LosesNext = true;
            }
            else if (_random is { } random && Encoding.ASCII.GetString(buffer, 0, count).Contains(random.Mark, StringComparison.Ordinal) && random.Strikes())
            {
                link.LosesNext = true;
            }

            await link.Server.GetStream().WriteAsync(buffer.AsMemory(0, count), _stopping.Token);
        }
    }

    private async Task AnswersAsync(Link link)
    {
        var buffer = new byte[1 << 16];
        while (await link.Server.GetStream().ReadAsync(buffer, _stopping.Token) is var count && count > 0)
        {
            if (link.LosesNext)
            {
                Interlocked.Increment(ref _lostCount);
                _lost.TrySetResult();
                return;
            }

            await link.Client.GetStream().WriteAsync(buffer.AsMemory(0, count), _stopping.Token);
        }
    }

    private sealed record Misfortune(string Mark, double Chance, Random Random)
    {
        public bool Strikes()
        {
            lock (Random)
            {
                return Random.NextDouble() < Chance;
            }
        }
    }

    private sealed class Link(TcpClient client, TcpClient server)
    {
        private volatile bool _losesNext;

        public TcpClient Client { get; } = client;
        public TcpClient Server { get; } = server;

        public bool LosesNext
        {
            get => _losesNext;
            set => _losesNext = value;
        }
    }
}
