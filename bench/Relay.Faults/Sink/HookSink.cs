using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Relay.Faults.Checking;

namespace Relay.Faults.Sink;

/// <summary>The program behind a webhook: takes what is posted, misbehaves as its mood says, and writes down what it took and what it answered.</summary>
internal abstract class HookSink(int port) : IAsyncDisposable
{
    private readonly ConcurrentQueue<Finding> _wrong = new();
    private readonly CancellationTokenSource _stop = new();
    private CancellationTokenSource _closing = new();
    private TcpListener? _listener;
    private Task _serving = Task.CompletedTask;
    private volatile Func<HookAct> _mood = () => HookAct.Take;
    private int _posts;
    private int _refused;

    /// <summary>What becomes of the next post.</summary>
    public Func<HookAct> Mood { set => _mood = value; }

    /// <summary>What posts are signed with; known once the relay has made it.</summary>
    public byte[] Secret { get; set; } = [];

    /// <summary>Answers further posts on the same connection.</summary>
    protected virtual bool KeepsAlive => false;

    /// <summary>How long the slow answer takes.</summary>
    public TimeSpan Slowness { get; init; }

    public int Posts => Volatile.Read(ref _posts);

    /// <summary>Posts that got another answer than yes, or none.</summary>
    public int Refused => Volatile.Read(ref _refused);

    /// <summary>What was posted otherwise than it should be.</summary>
    public IReadOnlyList<Finding> Wrong => [.. _wrong];

    public void Open()
    {
        _closing = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _serving = ServeAsync(_listener);
    }

    /// <summary>Nobody listens at its port any more; who was heard is answered.</summary>
    public async Task CloseAsync()
    {
        _listener?.Stop();
        await _closing.CancelAsync();
        await _serving;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await CloseAsync();
        _stop.Dispose();
        _closing.Dispose();
    }

    /// <summary>Looks at a post and writes it down.</summary>
    protected abstract void Look(string id, byte[] body, int number, HookAct act);

    protected void AddWrong(string about, string words) => _wrong.Enqueue(new Finding("F16", about, words));

    private async Task ServeAsync(TcpListener listener)
    {
        var answers = new List<Task>();
        try
        {
            while (true)
            {
                answers.Add(AnswerAsync(await listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException or OperationCanceledException)
        {
            // One that is stopped between two connections says that it does not listen.
            await Task.WhenAll(answers);
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                while (await ReadAsync(stream) is var (fields, body) && await AnswerAsync(stream, fields, body) && KeepsAlive)
                {
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // The relay, or the run, has gone.
            }
        }
    }

    // False where nobody hears an answer.
    private async Task<bool> AnswerAsync(NetworkStream stream, Dictionary<string, string> fields, byte[] body)
    {
        var act = _mood();
        CheckSignature(fields, body);
        Look(fields["webhook-id"], body, Interlocked.Increment(ref _posts), act);
        if (act != HookAct.Take)
        {
            Interlocked.Increment(ref _refused);
        }

        if (act == HookAct.TakeUnheard)
        {
            return false;
        }

        if (act == HookAct.TakeLate)
        {
            await Task.Delay(Slowness, _stop.Token);
        }

        var status = act == HookAct.Fail ? "500 Internal Server Error" : "204 No Content";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{(KeepsAlive ? "" : "Connection: close\r\n")}\r\n"), _stop.Token);
        return true;
    }

    // Null where it ended before the post did: then nothing was taken.
    private async Task<(Dictionary<string, string> Fields, byte[] Body)?> ReadAsync(NetworkStream stream)
    {
        var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer, KeepsAlive ? _closing.Token : _stop.Token) is > 0 and var count)
        {
            all.Write(buffer, 0, count);
            var octets = all.GetBuffer().AsMemory(0, (int)all.Length);
            if (octets.Span.IndexOf("\r\n\r\n"u8) is not (>= 0 and var end))
            {
                continue;
            }

            var fields = Encoding.ASCII.GetString(octets.Span[..end]).Split("\r\n").Skip(1).Select(line => line.Split(": ", 2))
                .ToDictionary(field => field[0], field => field[1], StringComparer.OrdinalIgnoreCase);
            var body = octets[(end + 4)..];
            if (body.Length >= int.Parse(fields["Content-Length"], CultureInfo.InvariantCulture))
            {
                return (fields, body.ToArray());
            }
        }

        return null;
    }

    // Whatever is posted is signed by Standard Webhooks: over id, time and body.
    private void CheckSignature(Dictionary<string, string> fields, byte[] body)
    {
        byte[] signed = [.. Encoding.ASCII.GetBytes($"{fields["webhook-id"]}.{fields["webhook-timestamp"]}."), .. body];
        if (fields["webhook-signature"] != $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Secret, signed))}")
        {
            AddWrong(fields["webhook-id"], "its signature is not good");
        }
    }
}

/// <summary>What a program does with one post.</summary>
internal enum HookAct
{
    Take,

    /// <summary>500.</summary>
    Fail,

    /// <summary>Takes it, and closes without a word.</summary>
    TakeUnheard,

    /// <summary>Takes it, and says so when nobody waits any more.</summary>
    TakeLate,
}
