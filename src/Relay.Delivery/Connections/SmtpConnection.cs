using System.Buffers;
using System.Net;
using System.Net.Security;
using Relay.Delivery.Routing;
using Relay.Delivery.TlsPolicies;
using Relay.Delivery.Transcripts;
using Relay.Mail.Messages;
using Relay.Smtp.Client;

namespace Relay.Delivery.Connections;

/// <summary>One connection to a remote that has been greeted and may carry transactions, one after the other.</summary>
internal sealed class SmtpConnection : IDisposable
{
    private const int FirstBuffer = 2 * 1024;

    // One slow answer is chance as often as a habit; what the caution costs is a round trip for each of these.
    private const int MessagesOfCaution = 20;

    private readonly Wire _wire;
    private readonly DeliveryMetrics _metrics;
    private byte[] _received = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private int _start;
    private int _end;
    private int _quickFrom;
    private bool _disposed;

    public SmtpConnection(Wire wire, RouteHost host, IPEndPoint place, DeliveryMetrics metrics, TimeProvider time)
    {
        Log = new DialogueLog(time);
        _wire = wire;
        _metrics = metrics;
        Host = host;
        Place = place;
        Address = place.ToString();
        _metrics.ConnectionOpened();
    }

    public RouteHost Host { get; }

    public IPEndPoint Place { get; }

    /// <summary>What we are called on it; null is the relay's own name.</summary>
    public string? OurName { get; init; }

    /// <summary><see cref="Place"/> as events show it.</summary>
    public string Address { get; }

    /// <summary>Our own address.</summary>
    public IPAddress? From => _wire.From;

    /// <summary>Protocol and cipher; null in clear text.</summary>
    public string? Tls => _wire.Tls;

    /// <summary>What it was opened under, and what it has proved.</summary>
    public ConnectionSecurity Security { get; set; } = ConnectionSecurity.None;

    public EhloCapabilities Capabilities { get; set; } = EhloCapabilities.None;

    /// <summary>Whether the remote takes a message with this demand, whatever the connection proves.</summary>
    public bool Offers(TlsDemand demand) => demand != TlsDemand.RequireTls || Capabilities.RequireTls;

    /// <summary>Transactions begun on it.</summary>
    public int Messages { get; set; }

    /// <summary>The last transaction did not come to its end, so the next begins with RSET.</summary>
    public bool NeedsReset { get; set; }

    /// <summary>A final reply took long here not long ago: nothing is sent ahead of the next ones.</summary>
    public bool IsSlow => Messages < _quickFrom;

    /// <summary>It lay unused for a while, and may be dead without a sign: no content goes before it has answered.</summary>
    public bool WasIdle { get; set; }

    /// <summary>How many messages may leave on it in one flight, envelope and content; 0 for none. Earned by success, lost by failure.</summary>
    public int FlightSize { get; set; }

    /// <summary>How many recipients it has taken in one transaction: with more than that no message goes before they are answered.</summary>
    public int MostTaken { get; set; } = 1;

    public OutgoingBuffer Output { get; } = new();

    /// <summary>421 was heard: the remote goes away, or has gone.</summary>
    public bool SaidGoodbye { get; private set; }

    public bool IsLost => _wire.Failure is not null;

    /// <summary>What was said on it, as long as somebody may ask.</summary>
    public DialogueLog Log { get; }

    /// <summary>Why it is of no more use, for people.</summary>
    public string Failure => _wire.Failure ?? "the connection was lost";

    /// <summary>Octets that nobody asked for lie here or on the wire, or its end does.</summary>
    public bool HasInput => _start < _end || _wire.HasInput;

    /// <summary>Octets lie here behind the last reply that was read.</summary>
    public bool HasBuffered => _start < _end;

    /// <summary>The remote spoke out of turn. Under TLS only what lies here already tells: a readable socket may hold a session ticket.</summary>
    public bool HasEarlyReply => HasBuffered || (Tls is null && _wire.HasInput);

    /// <summary>Sends what <see cref="Output"/> holds; false when the connection failed.</summary>
    public async ValueTask<bool> FlushAsync(TimeSpan timeout) => await HandOverAsync(timeout) == Handed.All;

    /// <summary>The same, where it matters how much went before it failed.</summary>
    public async ValueTask<Handed> HandOverAsync(TimeSpan timeout)
    {
        var handed = await _wire.SendAsync(Output.Written, timeout);
        Output.Clear();
        return handed;
    }

    /// <summary>Sends content as it stands in memory; false when the connection failed.</summary>
    public async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> octets, TimeSpan timeout) => await _wire.SendAsync(octets, timeout) == Handed.All;

    /// <summary>
    /// Forgets what the remote was told of a message. False when it does not answer that with one 2yz and nothing more: then
    /// replies and commands are out of step, or the connection is lost, and it is of no more use.
    /// </summary>
    public async ValueTask<bool> ResetAsync(TimeSpan timeout)
    {
        NeedsReset = false;
        Output.Reset();
        Log.Said(Log.Listener, Output.Written.Span);
        return await FlushAsync(timeout) && (await ReadReplyAsync(timeout)).IsPositive && !HasBuffered;
    }

    /// <summary>The next reply. Lost when the connection is, when the remote takes too long, or when what it says is no reply.</summary>
    public async ValueTask<RemoteReply> ReadReplyAsync(TimeSpan timeout)
    {
        var scanner = new ReplyScanner();
        for (var waited = false; ; waited = true)
        {
            var scan = scanner.Scan(_received.AsSpan(_start, _end - _start));
            if (waited && scan != ReplyScan.Incomplete)
            {
                _wire.EndWait();
            }

            if (scan == ReplyScan.Complete)
            {
                var reply = new RemoteReply(scanner.Code, _received.AsMemory(_start, scanner.Length));
                _start += scanner.Length;
                SaidGoodbye |= reply.IsGoodbye;
                Log.Heard(reply.Octets.Span);
                return reply;
            }

            if (scan != ReplyScan.Incomplete)
            {
                Garbage = scan == ReplyScan.TooLong ? "the remote's reply has no end" : "the remote's reply is no SMTP";
                return default;
            }

            MakeRoom();
            var count = await _wire.ReceiveAsync(_received.AsMemory(_end), timeout);
            if (count == 0)
            {
                return default;
            }

            _end += count;
        }
    }

    /// <summary>What the remote said that was no reply; null when the connection was lost in the usual way.</summary>
    public string? Garbage { get; private set; }

    /// <summary>Why there is no reply, for people.</summary>
    public string WhyLost => Garbage ?? Failure;

    public async ValueTask<bool> StartTlsAsync(SslClientAuthenticationOptions options, TimeSpan timeout)
    {
        var isSecure = await _wire.StartTlsAsync(options, timeout);
        if (isSecure)
        {
            _metrics.HandshakeDone(_wire.IsResumed);
        }

        return isSecure;
    }

    /// <summary>Says QUIT and does not insist on an answer.</summary>
    public async ValueTask QuitAsync(TimeSpan timeout)
    {
        Output.Clear();
        Output.Quit();
        if (await FlushAsync(timeout))
        {
            await ReadReplyAsync(timeout);
        }

        Dispose();
    }

    /// <summary>A final reply takes long.</summary>
    public void BeCautious() => _quickFrom = Messages + MessagesOfCaution;

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _metrics.ConnectionClosed();
            _wire.Dispose();
            Output.Dispose();
            Log.Dispose();
            ArrayPool<byte>.Shared.Return(_received);
            _received = [];
        }
    }

    // The scanner wants a reply in one piece; it limits how large that can be.
    private void MakeRoom()
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }

        if (_end < _received.Length)
        {
            return;
        }

        var larger = _start > 0 ? _received : ArrayPool<byte>.Shared.Rent(_received.Length * 2);
        _received.AsSpan(_start, _end - _start).CopyTo(larger);
        if (larger != _received)
        {
            ArrayPool<byte>.Shared.Return(_received);
            _received = larger;
        }

        (_start, _end) = (0, _end - _start);
    }
}
