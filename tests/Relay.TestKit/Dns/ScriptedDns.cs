using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Relay.TestKit.Dns;

/// <summary>
/// A name server on loopback, over UDP and TCP on one port, that answers as it was told: records, no such name, failure,
/// silence, delay, truncation. A name that nobody told it about does not exist.
/// </summary>
public sealed class ScriptedDns : IAsyncDisposable
{
    private const int ReceiveBuffer = 4 * 1024 * 1024;
    private const int ServerFailure = 2;

    private readonly Socket _udp;
    private readonly Socket _tcp;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, ScriptedName> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentQueue<DnsQuestionSeen> _questions = new();
    private readonly Task _running;

    private ScriptedDns(IPAddress address, int port)
    {
        (_udp, _tcp) = BindBoth(address, port);
        EndPoint = (IPEndPoint)_udp.LocalEndPoint!;
        _running = Task.WhenAll(ServeUdpAsync(), ServeTcpAsync());
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>As the configuration wants it: <c>127.0.0.1:5353</c>.</summary>
    public string Server => EndPoint.ToString();

    /// <summary>Every question that came, in order.</summary>
    public IReadOnlyList<DnsQuestionSeen> Questions => [.. _questions];

    /// <summary>It answers nothing that it was not told of, as a resolver that reaches nobody: with a failure, or not at all.</summary>
    public UnknownNames Unknown { get; set; }

    public static ScriptedDns Start() => new(IPAddress.Loopback, 0);

    /// <summary>A second server beside another one, on its port: <c>127.0.0.2</c>.</summary>
    public static ScriptedDns Start(string address, int port) => new(IPAddress.Parse(address), port);

    public ScriptedDns Mx(string name, params (int Preference, string Host)[] hosts) =>
        Change(name, n => n.Records.AddRange(hosts.Select(h => DnsRecord.Mx(h.Preference, h.Host))));

    /// <summary>The domain takes no mail (RFC 7505).</summary>
    public ScriptedDns NullMx(string name) => Mx(name, (0, "."));

    public ScriptedDns A(string name, params string[] addresses) => Addresses(name, addresses);

    public ScriptedDns Aaaa(string name, params string[] addresses) => Addresses(name, addresses);

    public ScriptedDns Cname(string name, string target) => Change(name, n => n.Records.Add(DnsRecord.Cname(target)));

    public ScriptedDns CnameLoop(string first, string second) => Cname(first, second).Cname(second, first);

    public ScriptedDns Txt(string name, params string[] texts) =>
        Change(name, n => n.Records.AddRange(texts.Select(DnsRecord.Txt)));

    public ScriptedDns Tlsa(string name, int usage, int selector, int matching, byte[] association) =>
        Change(name, n => n.Records.Add(DnsRecord.Tlsa(usage, selector, matching, association)));

    /// <summary>Answers about these names are said to be validated; an answer is where each name on its way is.</summary>
    public ScriptedDns Secure(params string[] names)
    {
        foreach (var name in names)
        {
            Change(name, n => n.IsSecure = true);
        }

        return this;
    }

    /// <summary>The name is a zone of its own, served by these hosts.</summary>
    public ScriptedDns Ns(string name, params string[] hosts) => Change(name, n => n.Records.AddRange(hosts.Select(DnsRecord.Ns)));

    /// <summary>What is below the name and was not told of does not exist, whatever is answered for other names.</summary>
    public ScriptedDns Zone(string name) => Change(name, n => n.IsZone = true);

    /// <summary>The name that an IPv4 address leads back to.</summary>
    public ScriptedDns Ptr(string address, string name) =>
        Change(string.Join('.', address.Split('.').Reverse()) + ".in-addr.arpa", n => n.Records.Add(DnsRecord.Ptr(name)));

    /// <summary>The name is there, but has no record of any type.</summary>
    public ScriptedDns Empty(string name) => Change(name, _ => { });

    public ScriptedDns NxDomain(string name) => Remove(name);

    public ScriptedDns ServFail(string name) => Change(name, n => n.ResponseCode = ServerFailure);

    /// <summary>Fails for one type only.</summary>
    public ScriptedDns ServFail(string name, int type) => Change(name, n => n.FailsFor = type);

    public ScriptedDns Refused(string name) => Change(name, n => n.ResponseCode = 5);

    /// <summary>No answer at all, neither over UDP nor over TCP.</summary>
    public ScriptedDns Drop(string name) => Change(name, n => n.Drop = true);

    /// <summary>No answer to the first so many questions.</summary>
    public ScriptedDns Lose(string name, int questions) => Change(name, n => n.Lost = questions);

    /// <summary>No answer before the task is done.</summary>
    public ScriptedDns Delay(string name, Task until) => Change(name, n => n.Until = until);

    /// <summary>Over UDP only a truncated answer, so that the client has to come back over TCP.</summary>
    public ScriptedDns Truncate(string name) => Change(name, n => n.Truncate = true);

    public ScriptedDns Ttl(string name, TimeSpan ttl) => Change(name, n => n.Ttl = (uint)ttl.TotalSeconds);

    /// <summary>Forgets all that was said about a name: it does not exist any more.</summary>
    public ScriptedDns Remove(string name)
    {
        _names.TryRemove(name, out _);
        return this;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await _running.WaitAsync(TimeSpan.FromSeconds(30)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private ScriptedDns Addresses(string name, string[] addresses) =>
        Change(name, n => n.Records.AddRange(addresses.Select(a => DnsRecord.Address(IPAddress.Parse(a)))));

    private ScriptedDns Change(string name, Action<ScriptedName> change)
    {
        // Copied, so that a question in the midst of it sees all of the change or nothing.
        _names.AddOrUpdate(name, _ => ScriptedName.With(null, change), (_, old) => ScriptedName.With(old, change));
        return this;
    }

    private async Task ServeUdpAsync()
    {
        var buffer = new byte[4096];
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var came = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                _ = ReplyOverUdpAsync(buffer[..came.ReceivedBytes], came.RemoteEndPoint);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                if (_stop.IsCancellationRequested)
                {
                    return;
                }
            }
        }
    }

    private async Task ReplyOverUdpAsync(byte[] query, EndPoint client)
    {
        try
        {
            if (await AnswerAsync(query, overUdp: true) is { } answer)
            {
                await _udp.SendToAsync(answer, client, _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over, or the client has gone.
        }
    }

    private async Task ServeTcpAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = ReplyOverTcpAsync(await _tcp.AcceptAsync(_stop.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ReplyOverTcpAsync(Socket socket)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            var length = new byte[2];
            while (true)
            {
                await stream.ReadExactlyAsync(length, _stop.Token);
                var query = new byte[(length[0] << 8) | length[1]];
                await stream.ReadExactlyAsync(query, _stop.Token);
                if (await AnswerAsync(query, overUdp: false) is { } answer)
                {
                    await stream.WriteAsync((byte[])[(byte)(answer.Length >> 8), (byte)answer.Length, .. answer], _stop.Token);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The client has gone.
        }
    }

    private async Task<byte[]?> AnswerAsync(byte[] query, bool overUdp)
    {
        if (!DnsWire.TryReadQuestion(query, out var question))
        {
            return null;
        }

        _questions.Enqueue(new DnsQuestionSeen(question.Name, question.Type, overUdp));
        _names.TryGetValue(question.Name, out var name);
        if (name?.Until is { } until)
        {
            await until.WaitAsync(_stop.Token);
        }

        var unknown = name is not null || IsInZone(question.Name) ? UnknownNames.DoNotExist : Unknown;
        if (unknown == UnknownNames.Unanswered)
        {
            return null;
        }

        if (name is not null && (name.Drop || Interlocked.Decrement(ref name.Lost) >= 0))
        {
            return null;
        }

        if (name?.FailsFor == question.Type)
        {
            return DnsWire.Write(query, question, ServerFailure, [], truncated: false);
        }

        return name is { Truncate: true } && overUdp
            ? DnsWire.Write(query, question, 0, [], truncated: true)
            : DnsWire.Write(query, question, name?.ResponseCode ?? (unknown == UnknownNames.Failing ? ServerFailure : DnsWire.NoSuchName), Find(question, out var validated), truncated: false, validated);
    }

    private bool IsInZone(string name) =>
        name.IndexOf('.', StringComparison.Ordinal) is var dot and >= 0 && name[(dot + 1)..] is var parent
        && (_names.GetValueOrDefault(parent) is { IsZone: true } || IsInZone(parent));

    // As a resolver does: the chain of aliases with what stands at its end, each name once.
    private List<(string Owner, uint Ttl, DnsRecord Record)> Find(DnsQuestion question, out bool validated)
    {
        validated = _names.TryGetValue(question.Name, out var first) && first.IsSecure;
        var found = new List<(string, uint, DnsRecord)>();
        var owner = question.Name;
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        while (seen.Add(owner) && _names.TryGetValue(owner, out var name))
        {
            validated &= name.IsSecure;
            var alias = question.Type == DnsWire.Cname ? null : name.Records.Find(r => r.Type == DnsWire.Cname);
            found.AddRange(name.Records.Where(r => r.Type == question.Type || r == alias).Select(r => (owner, name.Ttl, r)));
            if (alias is null)
            {
                break;
            }

            owner = alias.Target!;
        }

        return found;
    }

    private static (Socket Udp, Socket Tcp) BindBoth(IPAddress address, int port)
    {
        for (var attempt = 0; ; attempt++)
        {
            // Thousands ask at once under load.
            var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = ReceiveBuffer };
            udp.Bind(new IPEndPoint(address, port));
            var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                tcp.Bind(udp.LocalEndPoint!);
                tcp.Listen();
                return (udp, tcp);
            }
            catch (SocketException) when (attempt < 50)
            {
                // The port is free for UDP but not for TCP: take another.
                udp.Dispose();
                tcp.Dispose();
            }
        }
    }
}

/// <param name="Type">1 A, 15 MX, 28 AAAA and so on.</param>
public sealed record DnsQuestionSeen(string Name, int Type, bool OverUdp);

public enum UnknownNames
{
    DoNotExist,
    Failing,
    Unanswered,
}

internal sealed class ScriptedName
{
    public List<DnsRecord> Records { get; } = [];
    public int ResponseCode { get; set; }
    public int? FailsFor { get; set; }
    public bool Drop { get; set; }
    public bool Truncate { get; set; }
    public int Lost;
    public Task? Until { get; set; }
    public bool IsSecure { get; set; }
    public bool IsZone { get; set; }
    public uint Ttl { get; set; } = 300;

    public static ScriptedName With(ScriptedName? old, Action<ScriptedName> change)
    {
        var name = new ScriptedName();
        if (old is not null)
        {
            name.Records.AddRange(old.Records);
            (name.ResponseCode, name.FailsFor, name.Drop, name.Truncate, name.Until, name.Ttl, name.IsSecure, name.IsZone, name.Lost) =
                (old.ResponseCode, old.FailsFor, old.Drop, old.Truncate, old.Until, old.Ttl, old.IsSecure, old.IsZone, old.Lost);
        }

        change(name);
        return name;
    }
}
