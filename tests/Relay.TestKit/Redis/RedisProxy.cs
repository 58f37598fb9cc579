using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Relay.TestKit.Redis;

/// <summary>
/// Stands between a client and a redis-server. Loses an answer when told: the request is carried out, nobody hears of it.
/// Or is cut: nothing gets through in either direction until it is mended. Or stands still: all that is sent arrives then, in
/// its order. Or keeps a request back, which arrives after others that were sent later on another connection.
/// </summary>
public sealed class RedisProxy(int serverPort) : RedisFront(serverPort)
{
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stood = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<Link, bool> _links = new();
    private volatile TaskCompletionSource? _still;
    private volatile string[]? _marks;
    private volatile string[]? _marksToHold;
    private volatile string[]? _marksToStandAt;
    private volatile Misfortune? _random;
    private byte[] _held = [];
    private int _lostCount;
    private volatile bool _isCut;

    /// <summary>Whether the loss of an answer cuts everything.</summary>
    public bool CutWithAnswer { get; set; }

    /// <summary>Ends every connection, and every new one at once.</summary>
    public void Cut()
    {
        _isCut = true;
        foreach (var link in _links.Keys)
        {
            link.Client.Close();
            link.Server.Close();
        }
    }

    /// <summary>Connections over which this is asked are ended, as long as it stands here.</summary>
    public string? Refused { get; set; }

    /// <summary>At the next request that holds all of these everything stands still, that request first, and every connection stays open.</summary>
    public void StandStillAt(params string[] marks) => _marksToStandAt = marks;

    /// <summary>Ends when it stands still.</summary>
    public Task Stood => _stood.Task;

    public void Mend()
    {
        _isCut = false;
        _still?.TrySetResult();
    }

    /// <summary>Ends when an answer was lost.</summary>
    public Task Lost => _lost.Task;

    /// <summary>From now on each request with this mark loses its answer with that chance; ends with a chance of 0.</summary>
    public void LoseAnswersAtRandom(string mark, double chance, int seed) =>
        _random = chance > 0 ? new Misfortune(mark, chance, new Random(seed)) : null;

    /// <summary>Answers lost so far.</summary>
    public int LostCount => _lostCount;

    /// <summary>The next request that holds all of these is passed on; its answer is thrown away and the connection closed.</summary>
    public void LoseAnswerTo(params string[] marks) => _marks = marks;

    /// <summary>The next request that holds all of these is kept, and its connection closed.</summary>
    public void HoldRequest(params string[] marks) => _marksToHold = marks;

    /// <summary>Lets the request that was kept arrive now, on a connection of its own. Ends when the server has begun to answer.</summary>
    public async Task DeliverHeldAsync(CancellationToken cancellation)
    {
        using var server = await ConnectAsync(cancellation);
        await server.GetStream().WriteAsync(_held, cancellation);
        await server.GetStream().ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: true, cancellation);
    }

    protected override async Task CarryAsync(TcpClient client, TcpClient server)
    {
        var link = new Link(client, server);
        _links[link] = true;
        try
        {
            if (!_isCut)
            {
                await Task.WhenAny(RequestsAsync(link), AnswersAsync(link));
            }
        }
        finally
        {
            _links.TryRemove(link, out _);
        }
    }

    private async Task RequestsAsync(Link link)
    {
        var buffer = new byte[1 << 16];
        while (await link.Client.GetStream().ReadAsync(buffer, Stopping) is var count && count > 0)
        {
            if (Refused is { } refused && HasAll([refused], buffer.AsSpan(0, count)))
            {
                return;
            }

            if (_marksToHold is { } toHold && HasAll(toHold, buffer.AsSpan(0, count)))
            {
                _marksToHold = null;
                _held = buffer[..count];
                return;
            }

            if (_marksToStandAt is { } toStandAt && HasAll(toStandAt, buffer.AsSpan(0, count)))
            {
                _marksToStandAt = null;
                _still = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _stood.TrySetResult();
            }

            if (_marks is { } marks && HasAll(marks, buffer.AsSpan(0, count)))
            {
                _marks = null;
                link.LosesNext = true;
            }
            else if (_random is { } random && Encoding.ASCII.GetString(buffer, 0, count).Contains(random.Mark, StringComparison.Ordinal) && random.Strikes())
            {
                link.LosesNext = true;
            }

            await WhileStillAsync();
            await link.Server.GetStream().WriteAsync(buffer.AsMemory(0, count), Stopping);
        }
    }

    private Task WhileStillAsync() => _still?.Task.WaitAsync(Stopping) ?? Task.CompletedTask;

    private static bool HasAll(string[] marks, ReadOnlySpan<byte> octets)
    {
        var text = Encoding.ASCII.GetString(octets);
        return Array.TrueForAll(marks, mark => text.Contains(mark, StringComparison.Ordinal));
    }

    private async Task AnswersAsync(Link link)
    {
        var buffer = new byte[1 << 16];
        while (await link.Server.GetStream().ReadAsync(buffer, Stopping) is var count && count > 0)
        {
            if (link.LosesNext)
            {
                Interlocked.Increment(ref _lostCount);
                if (CutWithAnswer)
                {
                    Cut();
                }

                _lost.TrySetResult();
                return;
            }

            await WhileStillAsync();
            await link.Client.GetStream().WriteAsync(buffer.AsMemory(0, count), Stopping);
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
