using System.Net.Sockets;
using System.Threading.Channels;
using Relay.Redis.Embedded.Execution;

namespace Relay.Redis.Embedded.Wire;

/// <summary>
/// One client: reads its commands and sends the replies. What is written into <see cref="Replies"/> leaves only with
/// <see cref="Release"/>, once what it tells of is durable.
/// </summary>
internal sealed class Connection
{
    // One is filled while others wait and are executed; a client with more on its way waits.
    private const int Requests = 4;

    private readonly Socket _socket;
    private readonly Executor _executor;
    private readonly Channel<Request> _free = Channel.CreateBounded<Request>(new BoundedChannelOptions(Requests) { SingleReader = true, SingleWriter = true });
    private readonly Lock _gate = new();
    private ReplyWriter _leaving = new();
    private ReplyWriter _waiting = new();
    private bool _isSending;
    private volatile bool _isEnded;
    private volatile bool _endsWhenSent;

    public Connection(Socket socket, Executor executor, long id)
    {
        _socket = socket;
        _executor = executor;
        Session = new Session(this, id);
        for (var i = 0; i < Requests; i++)
        {
            _free.Writer.TryWrite(new Request(this));
        }
    }

    public Session Session { get; }

    /// <summary>Of the turn that is being executed. Only the executor writes here.</summary>
    public ReplyWriter Replies { get; private set; } = new();

    /// <summary>Reads until the client goes, or does something that cannot be understood.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var request = await _free.Reader.ReadAsync(cancellation);
        try
        {
            while (true)
            {
                var octets = await _socket.ReceiveAsync(request.Free, SocketFlags.None, cancellation);
                if (octets == 0)
                {
                    break;
                }

                var isReady = request.Add(octets);
                while (isReady)
                {
                    var isWrong = request.Error is not null;
                    var next = await _free.Reader.ReadAsync(cancellation);
                    isReady = !isWrong && request.MoveRestTo(next);
                    _executor.Submit(request);
                    request = next;
                    if (isWrong)
                    {
                        return;
                    }
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The client went, or we do.
        }
        finally
        {
            request.Clear();
            request.IsLast = true;
            _executor.Submit(request);
        }
    }

    /// <summary>The executor is done with a request.</summary>
    public void Return(Request request)
    {
        request.Clear();
        _free.Writer.TryWrite(request);
    }

    /// <summary>Lets the replies of the turn go.</summary>
    public void Release()
    {
        if (Replies.Length == 0)
        {
            return;
        }

        lock (_gate)
        {
            if (_isSending)
            {
                _waiting.Raw(Replies.Written.Span);
                Replies.Clear();
                if (_waiting.Length > Limits.LongestBacklog)
                {
                    End();
                }

                return;
            }

            (_leaving, Replies) = (Replies, _leaving);
            _isSending = true;
        }

        _ = SendAsync();
    }

    /// <summary>Closes the connection behind the replies of this turn.</summary>
    public void EndWhenSent() => _endsWhenSent = true;

    /// <summary>Closes the connection: its client learns that it does not know what became of its last commands.</summary>
    public void End()
    {
        _isEnded = true;
        _socket.Dispose();
    }

    private async Task SendAsync()
    {
        while (true)
        {
            try
            {
                for (var sent = 0; sent < _leaving.Length && !_isEnded;)
                {
                    sent += await _socket.SendAsync(_leaving.Written[sent..], SocketFlags.None);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Its reading end notices, and ends it.
            }

            lock (_gate)
            {
                _leaving.Clear();
                if (_waiting.Length == 0)
                {
                    _isSending = false;
                    if (_endsWhenSent)
                    {
                        End();
                    }

                    return;
                }

                (_leaving, _waiting) = (_waiting, _leaving);
            }
        }
    }
}
