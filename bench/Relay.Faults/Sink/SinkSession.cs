using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Relay.Faults.Ledgers;

namespace Relay.Faults.Sink;

/// <summary>One connection to a <see cref="LedgerSink"/>.</summary>
internal sealed class SinkSession(LedgerSink sink, Socket socket, int number) : IAsyncDisposable
{
    private readonly List<string> _recipients = [];
    private readonly byte[] _buffer = new byte[64 * 1024];
    private Stream _stream = new NetworkStream(socket, ownsSocket: true);
    private int _start;
    private int _end;

    public async Task RunAsync(CancellationToken cancellation)
    {
        var refusal = sink.Mood.Greeting();
        await SayAsync(refusal ?? $"220 {sink.Name} ESMTP", cancellation);
        var goesOn = refusal is null;
        while (goesOn && await ReadLineAsync(cancellation) is { } line)
        {
            goesOn = await ObeyAsync(line, cancellation);
        }
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task<bool> ObeyAsync(string line, CancellationToken cancellation)
    {
        switch (line.Split(' ', 2)[0].ToUpperInvariant())
        {
            case "EHLO":
                var tls = sink.Certificate is not null && _stream is not SslStream ? "250-STARTTLS\r\n" : "";
                var chunking = sink.Mood.MessagesInFlight > 1 ? "250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n" : "";
                return await SayAsync($"250-{sink.Name}\r\n250-PIPELINING\r\n250-8BITMIME\r\n{chunking}{tls}250 SIZE 52428800", cancellation);
            case "STARTTLS" when sink.Certificate is not null:
                return await SayAsync("220 2.0.0 Go ahead", cancellation) && await EncryptAsync(cancellation);
            case "MAIL":
                _recipients.Clear();
                return await SayAsync("250 2.1.0 Ok", cancellation);
            case "RCPT":
                return await RecipientAsync(line[(line.IndexOf('<') + 1)..line.LastIndexOf('>')], cancellation);
            case "DATA" when _recipients.Count == 0:
                return await SayAsync("554 5.5.1 No valid recipients", cancellation);
            case "DATA":
                return await SayAsync("354 Go ahead", cancellation) && await TakeAsync(await ReadContentAsync(cancellation), isStuffed: true, cancellation);
            case "BDAT":
                var chunk = await ReadChunkAsync(int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture), cancellation);
                return _recipients.Count == 0
                    ? await SayAsync("503 5.5.1 No valid recipients", cancellation)
                    : await TakeAsync(chunk, isStuffed: false, cancellation);
            case "RSET" or "NOOP" or "HELO":
                _recipients.Clear();
                return await SayAsync("250 2.0.0 Ok", cancellation);
            case "QUIT":
                await SayAsync("221 2.0.0 Bye", cancellation);
                return false;
            default:
                return await SayAsync("502 5.5.2 Not known", cancellation);
        }
    }

    private async Task<bool> RecipientAsync(string recipient, CancellationToken cancellation)
    {
        sink.Heard();
        var reply = sink.Mood.Recipient(recipient) ?? "250 2.1.5 Ok";
        if (reply.StartsWith('2'))
        {
            _recipients.Add(recipient);
        }

        return await SayAsync(reply, cancellation) && !reply.StartsWith("421", StringComparison.Ordinal);
    }

    private async Task<bool> TakeAsync(byte[]? content, bool isStuffed, CancellationToken cancellation)
    {
        string[] recipients = [.. _recipients];
        _recipients.Clear();
        if (content is null)
        {
            return false;
        }

        // Decided and written down before it is said: what the relay hears can never be more than the ledger holds.
        var act = sink.Mood.Dot(recipients[0]);
        sink.Took(ReceivedContent.Read(content, isStuffed, sink.Keys).ToArrival(sink.Name, number, recipients, act.Answer) with { IsEncrypted = _stream is SslStream });
        if (act.After > TimeSpan.Zero)
        {
            await Task.Delay(act.After, cancellation);
        }

        if (act.Answer == SinkAnswer.AcceptedThenReset)
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Dispose();
            return false;
        }

        return (act.Reply is null || await SayAsync(act.Reply, cancellation)) && !act.Closes;
    }

    private async Task<bool> EncryptAsync(CancellationToken cancellation)
    {
        if (sink.Mood.StallsHandshake)
        {
            await Task.Delay(Timeout.Infinite, cancellation);
        }

        var tls = new SslStream(_stream);
        _stream = tls;
        _start = _end = 0;
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = sink.Certificate }, cancellation);
        return true;
    }

    private async Task<bool> SayAsync(string reply, CancellationToken cancellation)
    {
        if (sink.Mood.ReplyPause is var pause && pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, cancellation);
        }

        await _stream.WriteAsync(Encoding.ASCII.GetBytes(reply + "\r\n"), cancellation);
        return true;
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellation)
    {
        var line = new StringBuilder();
        while (true)
        {
            var length = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            var taken = length < 0 ? _end - _start : length + 1;
            line.Append(Encoding.ASCII.GetString(_buffer, _start, taken));
            _start += taken;
            if (length >= 0)
            {
                return line.ToString().TrimEnd('\n').TrimEnd('\r');
            }

            if (!await FillAsync(cancellation))
            {
                return null;
            }
        }
    }

    // Up to the final dot, which is not part of it; null when the connection ended before.
    private async Task<byte[]?> ReadContentAsync(CancellationToken cancellation)
    {
        var content = new MemoryStream();
        var searched = 0;
        while (true)
        {
            content.Write(_buffer, _start, _end - _start);
            _start = _end;
            var octets = content.GetBuffer().AsSpan(0, (int)content.Length);
            var dot = octets.StartsWith(".\r\n"u8) ? -2 : octets[searched..].IndexOf("\r\n.\r\n"u8) is var found and >= 0 ? searched + found : -1;
            if (dot != -1)
            {
                // What was pipelined behind it stands at the end of the buffer.
                _start -= octets.Length - (dot + 5);
                return octets[..(dot + 2)].ToArray();
            }

            searched = Math.Max(0, octets.Length - 4);
            if (!await FillAsync(cancellation))
            {
                return null;
            }
        }
    }

    private async Task<byte[]?> ReadChunkAsync(int length, CancellationToken cancellation)
    {
        var chunk = new byte[length];
        for (var read = 0; read < length;)
        {
            if (_start == _end && !await FillAsync(cancellation))
            {
                return null;
            }

            var part = Math.Min(length - read, _end - _start);
            _buffer.AsSpan(_start, part).CopyTo(chunk.AsSpan(read));
            _start += part;
            read += part;
        }

        return chunk;
    }

    private async Task<bool> FillAsync(CancellationToken cancellation)
    {
        var mood = sink.Mood;
        if (mood.ReadOctets > 0)
        {
            await Task.Delay(mood.ReadPause, cancellation);
        }

        _start = 0;
        _end = await _stream.ReadAsync(_buffer.AsMemory(0, mood.ReadOctets > 0 ? mood.ReadOctets : _buffer.Length), cancellation);
        return _end > 0;
    }
}
