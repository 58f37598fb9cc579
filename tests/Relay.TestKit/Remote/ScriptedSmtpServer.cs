using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Relay.TestKit.Remote;

/// <summary>
/// A remote mail server on a real socket, which does what its script says and remembers everything: each connection, each
/// octet that came, each message, and over which connection it came.
/// </summary>
public sealed class ScriptedSmtpServer : IAsyncDisposable
{
    private readonly RemoteScript _script;
    private readonly Socket _listener;
    private readonly X509Certificate2? _certificate;
    private readonly SslStreamCertificateContext? _tls;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly List<RemoteSession> _sessions = [];
    private readonly List<ReceivedMail> _messages = [];
    private readonly List<Task> _running = [];
    private TaskCompletionSource _changed = NewSignal();

    private ScriptedSmtpServer(RemoteScript script, IPEndPoint endPoint)
    {
        _script = script;
        _certificate = script.Tls == RemoteTls.None ? null : script.Certificate ?? TestCertificate.For(script.HostName);
        // One for all sessions, so that a client can resume one.
        _tls = _certificate is null ? null : SslStreamCertificateContext.Create(_certificate, script.Chain, offline: true);
        _listener = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(endPoint);
        _listener.Listen(512);
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _running.Add(AcceptAsync());
    }

    public IPEndPoint EndPoint { get; }

    public int Port => EndPoint.Port;

    /// <summary>Every connection so far, in order.</summary>
    public IReadOnlyList<RemoteSession> Sessions => Copy(_sessions);

    /// <summary>Connections that are open now and on which nobody has said QUIT.</summary>
    public int OpenSessions => Copy(_sessions).Count(s => !s.IsEnding);

    /// <summary>Connections that were open at the same time, at the most.</summary>
    public int MostOpen { get; private set; }

    /// <summary>Every message so far, in the order of their final dots.</summary>
    public IReadOnlyList<ReceivedMail> Messages => Copy(_messages);

    /// <summary>The connections that carried more than one message.</summary>
    public IReadOnlyList<RemoteSession> ReusedSessions => [.. Messages.GroupBy(m => m.Session).Where(g => g.Count() > 1).Select(g => g.Key)];

    /// <summary>Listens on 127.0.0.1 and a free port, unless told otherwise. The whole of 127.0.0.0/8 serves where several hosts must share a port.</summary>
    public static ScriptedSmtpServer Start(RemoteScript? script = null, string address = "127.0.0.1", int port = 0) =>
        new(script ?? new RemoteScript(), new IPEndPoint(IPAddress.Parse(address), port));

    public Task<IReadOnlyList<ReceivedMail>> WaitForMessagesAsync(int count, CancellationToken cancellation) =>
        WaitAsync(() => Messages, count, cancellation);

    public Task<IReadOnlyList<RemoteSession>> WaitForSessionsAsync(int count, CancellationToken cancellation) =>
        WaitAsync(() => Sessions, count, cancellation);

    /// <summary>Waits until the client has closed, or we have, so many connections.</summary>
    public Task<IReadOnlyList<RemoteSession>> WaitForClosedAsync(int count, CancellationToken cancellation) =>
        WaitAsync<RemoteSession>(() => [.. Sessions.Where(s => s.IsClosed)], count, cancellation);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        Task[] running;
        lock (_lock)
        {
            foreach (var session in _sessions)
            {
                session.Abort();
            }

            running = [.. _running];
        }

        await Task.WhenAll(running).WaitAsync(TimeSpan.FromSeconds(30)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _certificate?.Dispose();
        _stop.Dispose();
    }

    internal void Took(ReceivedMail mail)
    {
        lock (_lock)
        {
            _messages.Add(mail);
        }

        Signal();
    }

    internal void Signal() => Interlocked.Exchange(ref _changed, NewSignal()).SetResult();

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync(_stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }

            socket.NoDelay = true;
            lock (_lock)
            {
                var session = new RemoteSession(this, _script, socket, _tls, _sessions.Count + 1);
                _sessions.Add(session);
                MostOpen = Math.Max(MostOpen, _sessions.Count(s => !s.IsEnding));
                _running.RemoveAll(r => r.IsCompleted);
                _running.Add(Task.Run(() => session.RunAsync(_stop.Token)));
            }

            Signal();
        }
    }

    private async Task<IReadOnlyList<T>> WaitAsync<T>(Func<IReadOnlyList<T>> look, int count, CancellationToken cancellation)
    {
        while (true)
        {
            // The signal is taken before the look, so that nothing in between is missed.
            var changed = Volatile.Read(ref _changed).Task;
            var seen = look();
            if (seen.Count >= count)
            {
                return seen;
            }

            // No test may hang for a message that never comes.
            await changed.WaitAsync(TimeSpan.FromSeconds(30), cancellation);
        }
    }

    private IReadOnlyList<T> Copy<T>(List<T> list)
    {
        lock (_lock)
        {
            return [.. list];
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
