using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Relay.Redis.Embedded.Commands;
using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Execution;

/// <summary>
/// The one thread that works on the store. It takes all that waits, a turn; executes it command by command; makes what it
/// wrote durable at once; and only then lets the replies go. One flush of the disk serves everybody in the turn, nobody
/// learns of a write that a power cut could still undo, and a turn is there wholly or not at all.
/// </summary>
internal sealed class Executor : IDisposable
{
    // Bounds the batch in memory and the time that the first of a turn waits for the last.
    private const long MostOctetsInTurn = 8 * 1024 * 1024;

    // Keys that expired and deleted collections take no reply; ten times a second keeps up with them.
    private static readonly TimeSpan UpkeepEvery = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan RecoverEvery = TimeSpan.FromSeconds(1);

    private readonly LiveStorage _storage;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private readonly HashSet<Session> _inTurn = [];
    private readonly List<Request> _done = [];
    private Queue<Request> _submitted = new();
    private Queue<Request> _taken = new();
    private bool _isStopping;
    private long _upkeepAt;
    private long _recoverAt;

    public Executor(DatabaseFolder folder, bool isNew, TimeProvider time, ILogger logger)
    {
        _storage = new LiveStorage(folder, isNew, Watches.Changed, logger);
        Time = time;
        _logger = logger;
        _thread = new Thread(Run) { Name = "relay-store", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Null when the files cannot be read.</summary>
    public Keyspace? Keyspace => _storage.Keyspace;

    public bool IsWritable => _storage.IsWritable;

    public Watches Watches { get; } = new();

    public Subscriptions Subscriptions { get; } = new();

    public Cursors Cursors { get; } = new();

    public TimeProvider Time { get; }

    public void Submit(Request request)
    {
        lock (_gate)
        {
            _submitted.Enqueue(request);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Its replies leave with this turn, though it asked for nothing.</summary>
    public void Tell(Session session) => _inTurn.Add(session);

    /// <summary>Ends after what was submitted before.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isStopping = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
        _storage.Dispose();
    }

    private void Run()
    {
        while (WaitForWork())
        {
            Recover();
            try
            {
                ExecuteTurn();
            }
            catch (Exception e)
            {
                Fail(e);
            }

            foreach (var session in _inTurn)
            {
                session.CommandsInTurn = 0;
                session.Connection.Release();
            }

            _inTurn.Clear();
            foreach (var request in _done)
            {
                request.Connection.Return(request);
            }

            _done.Clear();
        }
    }

    private bool WaitForWork()
    {
        if (_taken.Count > 0)
        {
            return true;
        }

        lock (_gate)
        {
            if (_submitted.Count == 0 && !_isStopping)
            {
                Monitor.Wait(_gate, UpkeepEvery);
            }

            (_submitted, _taken) = (_taken, _submitted);
            return _taken.Count > 0 || !_isStopping;
        }
    }

    private void ExecuteTurn()
    {
        var keyspace = _storage.Keyspace;
        keyspace?.BeginTurn(Time.GetUtcNow().ToUnixTimeMilliseconds());
        var octets = 0L;
        while (octets < MostOctetsInTurn && _taken.TryDequeue(out var request))
        {
            _done.Add(request);
            octets += request.Filled;
            Execute(request);
        }

        LookAfter();
        keyspace?.EndTurn();
        if (_storage.IsWritable)
        {
            _storage.Commit();
        }
    }

    private void Execute(Request request)
    {
        var session = request.Connection.Session;
        if (request.IsLast)
        {
            Watches.Remove(session);
            Subscriptions.RemoveAll(session);
            return;
        }

        // All of them at once: should one fail, those behind it are owed a reply too.
        _inTurn.Add(session);
        session.CommandsInTurn += request.Commands.Count;
        for (var i = 0; i < request.Commands.Count; i++)
        {
            Dispatch.Execute(this, session, request.Commands.Get(i, request.Buffer));
            if (session.Connection.Replies.Length > Limits.LongestBacklog)
            {
                // It asks for more than it could take.
                session.Connection.Replies.Clear();
                session.Connection.End();
                return;
            }
        }

        if (request.Error is { } error)
        {
            session.Connection.Replies.Error($"ERR {error}");
            session.Connection.EndWhenSent();
        }
    }

    private void LookAfter()
    {
        var now = Stopwatch.GetTimestamp();
        if (now >= _upkeepAt && _storage.IsWritable)
        {
            var isBehind = _storage.Upkeep!.Step();
            _upkeepAt = isBehind ? now : now + Ticks(UpkeepEvery);
        }
    }

    private void Recover()
    {
        var now = Stopwatch.GetTimestamp();
        if (!_storage.IsWritable && now >= _recoverAt)
        {
            _storage.TryRecover();
            Watches.AllChanged();
            _recoverAt = now + Ticks(RecoverEvery);
        }
    }

    // Nobody may be told what the turn would have done: it was not done, or nobody knows.
    private void Fail(Exception failure)
    {
        var isDisk = _storage.IsInDoubt;
        var isThere = isDisk && _storage.Reopen(failure);
        if (isDisk)
        {
            _recoverAt = Stopwatch.GetTimestamp() + Ticks(RecoverEvery);
        }
        else
        {
            _logger.TurnFailed(failure);
            _storage.Forget();
        }

        Watches.AllChanged();
        foreach (var session in _inTurn)
        {
            if (isThere)
            {
                // What is there may not be durable, so neither yes nor no is true. A lost connection says just that.
                session.Connection.End();
            }
            else if (session.Subscriptions == 0)
            {
                Refuse(session, isDisk ? Dispatch.NotWritable : "ERR the store failed; nothing was done");
            }
        }
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private static void Refuse(Session session, string error)
    {
        session.IsAborted = session.IsQueueing;
        session.Connection.Replies.Clear();
        for (var i = 0; i < session.CommandsInTurn; i++)
        {
            session.Connection.Replies.Error(error);
        }
    }
}
