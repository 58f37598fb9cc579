using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Relay.TestKit.Remote;

/// <summary>One connection to a <see cref="ScriptedSmtpServer"/>, with all that was said on it.</summary>
public sealed class RemoteSession
{
    private readonly ScriptedSmtpServer _server;
    private readonly RemoteScript _script;
    private readonly Socket _socket;
    private readonly SslStreamCertificateContext? _certificate;
    private readonly Dictionary<RemoteStage, int> _counts = [];
    private readonly Lock _lock = new();
    private readonly List<string> _commands = [];
    private readonly MemoryStream _received = new();
    private readonly byte[] _buffer = new byte[64 * 1024];
    private Stream _stream;
    private int _start;
    private int _end;
    private string _mailFrom = "";
    private readonly List<string> _rcptTo = [];

    internal RemoteSession(ScriptedSmtpServer server, RemoteScript script, Socket socket, SslStreamCertificateContext? certificate, int number)
    {
        _server = server;
        _script = script;
        _socket = socket;
        _certificate = certificate;
        _stream = new NetworkStream(socket, ownsSocket: true);
        Number = number;
        ClientAddress = ((System.Net.IPEndPoint)socket.RemoteEndPoint!).Address;
    }

    /// <summary>From 1, in the order in which connections came.</summary>
    public int Number { get; }

    /// <summary>The address the client came from.</summary>
    public System.Net.IPAddress ClientAddress { get; }

    public bool IsTls { get; private set; }

    /// <summary>The server name that the client asked for in TLS.</summary>
    public string? ServerName { get; private set; }

    /// <summary>The user of a successful AUTH.</summary>
    public string? User { get; private set; }

    public bool IsClosed { get; private set; }

    /// <summary>The client has said QUIT, or the connection is closed.</summary>
    public bool IsEnding { get => field || IsClosed; private set; }

    /// <summary>Every command line so far; AUTH continuations and bodies are not among them.</summary>
    public IReadOnlyList<string> Commands
    {
        get
        {
            lock (_lock)
            {
                return [.. _commands];
            }
        }
    }

    /// <summary>Every octet that came, deciphered.</summary>
    public byte[] Received
    {
        get
        {
            lock (_lock)
            {
                return _received.ToArray();
            }
        }
    }

    /// <summary>Ends the connection from outside, at once.</summary>
    public void Abort() => _socket.Dispose();

    /// <summary>Ends the connection from outside as a server does that was idle for too long: a last word, then FIN.</summary>
    public async Task CloseIdleAsync(string? lastWord = null)
    {
        if (lastWord is not null)
        {
            await _stream.WriteAsync(Encoding.UTF8.GetBytes(lastWord + "\r\n"));
        }

        _socket.Shutdown(SocketShutdown.Send);
    }

    internal async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            if (_script.Tls == RemoteTls.Implicit && !await HandshakeAsync(cancellation))
            {
                return;
            }

            if (await AnswerAsync(RemoteStage.Greeting, "", $"220 {_script.HostName} ESMTP", cancellation) is not null)
            {
                await TalkAsync(cancellation);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException or AuthenticationException or EndOfStreamException)
        {
            // The client, or the test, has gone.
        }
        finally
        {
            await _stream.DisposeAsync();
            IsClosed = true;
            _server.Signal();
        }
    }

    private async Task TalkAsync(CancellationToken cancellation)
    {
        while (await ReadLineAsync(cancellation) is { } line)
        {
            lock (_lock)
            {
                _commands.Add(line);
            }

            if (!await ObeyAsync(line, cancellation))
            {
                return;
            }
        }
    }

    private async Task<bool> ObeyAsync(string line, CancellationToken cancellation)
    {
        var verb = line.Split(' ', 2)[0].ToUpperInvariant();
        switch (verb)
        {
            case "EHLO":
                return await AnswerAsync(RemoteStage.Ehlo, line, EhloReply(), cancellation) is not null;
            case "HELO":
                return await AnswerAsync(RemoteStage.Helo, line, $"250 {_script.HostName}", cancellation) is not null;
            case "STARTTLS" when _script.Tls == RemoteTls.StartTls && !IsTls:
                return await AnswerAsync(RemoteStage.StartTls, line, "220 2.0.0 Go ahead", cancellation) is var go
                    && go is not null && (!go.StartsWith('2') || await HandshakeAsync(cancellation));
            case "AUTH" when _script.Login is not null:
                return await AuthenticateAsync(line, cancellation);
            case "MAIL":
                _mailFrom = line;
                _rcptTo.Clear();
                return await AnswerAsync(RemoteStage.Mail, line, "250 2.1.0 Ok", cancellation) is not null;
            case "RCPT":
                var answer = await AnswerAsync(RemoteStage.Rcpt, line, "250 2.1.5 Ok", cancellation);
                if (answer?.StartsWith('2') == true)
                {
                    _rcptTo.Add(line);
                }

                return answer is not null;
            case "DATA":
                var fallback = _rcptTo.Count == 0 ? "554 5.5.1 No valid recipients" : "354 Go ahead";
                answer = await AnswerAsync(RemoteStage.Data, line, fallback, cancellation);
                return answer is not null && (!answer.StartsWith('3') || await TakeBodyAsync(cancellation));
            case "BDAT":
                return await TakeChunkAsync(line, cancellation);
            case "RSET":
                _rcptTo.Clear();
                return await AnswerAsync(RemoteStage.Rset, line, "250 2.0.0 Ok", cancellation) is not null;
            case "NOOP":
                return await AnswerAsync(RemoteStage.Noop, line, "250 2.0.0 Ok", cancellation) is not null;
            case "QUIT":
                IsEnding = true;
                await AnswerAsync(RemoteStage.Quit, line, "221 2.0.0 Bye", cancellation);
                return false;
            default:
                return await AnswerAsync(RemoteStage.Unknown, line, "502 5.5.2 Not known", cancellation) is not null;
        }
    }

    private string EhloReply()
    {
        List<string> lines = [_script.HostName, .. _script.Capabilities];
        if (_script.Tls == RemoteTls.StartTls && !IsTls)
        {
            lines.Add("STARTTLS");
        }

        if (_script.Login is not null)
        {
            lines.Add("AUTH PLAIN LOGIN");
        }

        return string.Join("\r\n", lines.Select((l, i) => (i == lines.Count - 1 ? "250 " : "250-") + l));
    }

    private async Task<bool> HandshakeAsync(CancellationToken cancellation)
    {
        if (await AnswerAsync(RemoteStage.Handshake, "", null, cancellation) is null)
        {
            return false;
        }

        var tls = new SslStream(_stream);
        _stream = tls;
        _start = _end;
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = _certificate }, cancellation);
        IsTls = true;
        ServerName = tls.TargetHostName;
        return true;
    }

    private async Task<bool> AuthenticateAsync(string line, CancellationToken cancellation)
    {
        var words = line.Split(' ');
        var (user, password) = ("", "");
        if (words[1].Equals("PLAIN", StringComparison.OrdinalIgnoreCase))
        {
            var initial = words.Length > 2 ? words[2] : await PromptAsync("334 ", cancellation);
            var parts = Decode(initial).Split('\0');
            (user, password) = (parts[1], parts[2]);
        }
        else
        {
            user = Decode(words.Length > 2 ? words[2] : await PromptAsync("334 VXNlcm5hbWU6", cancellation));
            password = Decode(await PromptAsync("334 UGFzc3dvcmQ6", cancellation));
        }

        var good = (user, password) == _script.Login;
        User = good ? user : null;
        return await AnswerAsync(RemoteStage.Auth, line, good ? "235 2.7.0 Welcome" : "535 5.7.8 No", cancellation) is not null;
    }

    private async Task<string> PromptAsync(string prompt, CancellationToken cancellation)
    {
        await SendAsync(prompt + "\r\n", cancellation);
        return await ReadLineAsync(cancellation) ?? throw new EndOfStreamException();
    }

    private async Task<bool> TakeBodyAsync(CancellationToken cancellation)
    {
        var wire = new MemoryStream();
        var asked = false;
        byte[]? line;
        while ((line = await ReadRawLineAsync(cancellation)) is not null && !line.AsSpan().SequenceEqual(".\r\n"u8))
        {
            wire.Write(line);
            if (!asked)
            {
                asked = true;
                if (await AnswerAsync(RemoteStage.Body, "", null, cancellation) is null)
                {
                    return false;
                }
            }
        }

        if (line is null)
        {
            return false;
        }

        string[] recipients = [.. _rcptTo];
        _rcptTo.Clear();
        var answer = await AnswerAsync(RemoteStage.EndOfData, "", $"250 2.0.0 Ok: queued as {Number}-{_counts.GetValueOrDefault(RemoteStage.EndOfData) + 1}", cancellation,
            said => _server.Took(new ReceivedMail(this, _mailFrom, recipients, wire.ToArray(), said)));
        return answer is not null;
    }

    private async Task<bool> TakeChunkAsync(string line, CancellationToken cancellation)
    {
        var wire = new MemoryStream();
        var length = int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        string[] recipients = [.. _rcptTo];
        _rcptTo.Clear();
        var number = _counts.GetValueOrDefault(RemoteStage.Chunk) + 1;
        var scripted = _script.AnswerAt(new RemoteMoment(RemoteStage.Chunk, line, number, this));
        while (scripted is not { LeavesChunk: true } && wire.Length < length)
        {
            if (_start == _end && !await FillAsync(cancellation))
            {
                return false;
            }

            var part = Math.Min(length - (int)wire.Length, _end - _start);
            wire.Write(_buffer, _start, part);
            _start += part;
        }

        var usual = recipients.Length == 0 ? "503 5.5.1 No valid recipients" : $"250 2.0.0 Ok: queued as {Number}-{number}";
        var answer = await AnswerAsync(RemoteStage.Chunk, line, usual, cancellation, said =>
        {
            if (recipients.Length > 0 && scripted is not { LeavesChunk: true })
            {
                _server.Took(new ReceivedMail(this, _mailFrom, recipients, wire.ToArray(), said) { IsChunk = true });
            }
        });
        return answer is not null;
    }

    // What was said, "" for nothing; null when the connection is over.
    private async Task<string?> AnswerAsync(RemoteStage stage, string line, string? usual, CancellationToken cancellation, Action<string?>? before = null)
    {
        var count = _counts[stage] = _counts.GetValueOrDefault(stage) + 1;
        var answer = _script.AnswerAt(new RemoteMoment(stage, line, count, this)) ?? new RemoteAnswer(usual);
        if (answer.Gate is { } gate)
        {
            await gate.WaitAsync(cancellation);
        }

        before?.Invoke(answer.Text);
        do
        {
            if (answer.Text is { } text)
            {
                await SendAsync(text + "\r\n", cancellation);
            }
        }
        while (answer.Endless);

        if (answer.Then == RemoteEnd.Reset)
        {
            _socket.LingerState = new LingerOption(true, 0);
            _socket.Dispose();
        }

        return answer.Then == RemoteEnd.GoOn ? answer.Text ?? "" : null;
    }

    private async Task SendAsync(string text, CancellationToken cancellation)
    {
        var octets = Encoding.UTF8.GetBytes(text);
        foreach (var piece in Cut(octets))
        {
            await _stream.WriteAsync(piece, cancellation);
        }
    }

    private IEnumerable<ReadOnlyMemory<byte>> Cut(byte[] octets)
    {
        var start = 0;
        for (var i = 0; i < octets.Length; i++)
        {
            if (_script.Pace == ReplyPace.OctetByOctet || (_script.Pace == ReplyPace.LineByLine && octets[i] == '\n') || i == octets.Length - 1)
            {
                yield return octets.AsMemory(start, i + 1 - start);
                start = i + 1;
            }
        }
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellation) =>
        await ReadRawLineAsync(cancellation) is { } raw ? Encoding.UTF8.GetString(raw).TrimEnd('\n').TrimEnd('\r') : null;

    // Up to and with CRLF and nothing else: a lone LF does not end a line here.
    private async Task<byte[]?> ReadRawLineAsync(CancellationToken cancellation)
    {
        var line = new MemoryStream();
        var last = 0;
        while (true)
        {
            if (_start == _end && !await FillAsync(cancellation))
            {
                return null;
            }

            var octet = _buffer[_start++];
            line.WriteByte(octet);
            if (octet == '\n' && last == '\r')
            {
                return line.ToArray();
            }

            last = octet;
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancellation)
    {
        _start = 0;
        _end = await _stream.ReadAsync(_buffer, cancellation);
        lock (_lock)
        {
            _received.Write(_buffer, 0, _end);
        }

        return _end > 0;
    }

    private static string Decode(string text) => Encoding.UTF8.GetString(Convert.FromBase64String(text));
}
