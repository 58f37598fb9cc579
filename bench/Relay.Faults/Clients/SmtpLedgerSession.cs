using System.Net.Sockets;
using System.Text;
using Relay.Faults.Ledgers;

namespace Relay.Faults.Clients;

/// <summary>An SMTP client that keeps its connection, logs in again when it lost it, and knows at each step whether the relay may have the mail.</summary>
/// <param name="tenant">Null does not log in.</param>
internal sealed class SmtpLedgerSession(RelayDoor door, Tenant? tenant, TimeSpan timeout) : ILedgerSession
{
    private static readonly byte[] Block = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(new string('x', 78) + "\r\n", 800)));

    private TcpClient? _socket;
    private StreamReader _reader = StreamReader.Null;

    public async Task<Answer> SubmitAsync(LedgerMail mail, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(timeout);
        var progress = new Progress();
        try
        {
            if (_socket is null && await OpenAsync(deadline.Token) is { } closed)
            {
                Dispose();
                return closed;
            }

            return await SubmitAsync(mail, progress, deadline.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            Dispose();
            return new Answer(progress.IsPastDot ? SubmissionOutcome.Info : SubmissionOutcome.Fail, $"{(e is OperationCanceledException ? "timeout" : "lost")}: {e.Message}", Began: progress.HasBegun);
        }
    }

    /// <summary>Begins a mail and sends so many octets of it, and not its end. False when it was refused.</summary>
    public async Task<bool> BeginAsync(string recipient, int octets, CancellationToken cancellation)
    {
        if (await OpenAsync(cancellation) is not null
            || !(await SayAsync($"MAIL FROM:<{LedgerMail.Sender}>", cancellation)).StartsWith("250", StringComparison.Ordinal)
            || !(await SayAsync($"RCPT TO:<{recipient}>", cancellation)).StartsWith("250", StringComparison.Ordinal)
            || !(await SayAsync("DATA", cancellation)).StartsWith("354", StringComparison.Ordinal))
        {
            return false;
        }

        await _socket!.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"From: {LedgerMail.Sender}\r\nSubject: without an end\r\n\r\n"), cancellation);
        for (var sent = 0; sent < octets; sent += Block.Length)
        {
            await _socket.GetStream().WriteAsync(Block, cancellation);
        }

        return true;
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private async Task<Answer?> OpenAsync(CancellationToken cancellation)
    {
        _socket = new TcpClient { NoDelay = true };
        await _socket.ConnectAsync("127.0.0.1", door.SmtpPort, cancellation);
        _reader = new StreamReader(_socket.GetStream(), Encoding.UTF8);
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0ledger\0{tenant?.Key}"));
        return await ReadReplyAsync(cancellation) is var banner && !banner.StartsWith("220", StringComparison.Ordinal) ? Answer.Closed(banner)
            : await SayAsync("EHLO ledger.test", cancellation) is var ehlo && !ehlo.StartsWith("250", StringComparison.Ordinal) ? Answer.Closed(ehlo)
            : tenant is not null && await SayAsync($"AUTH PLAIN {login}", cancellation) is var auth && !auth.StartsWith("235", StringComparison.Ordinal) ? Answer.Closed(auth)
            : null;
    }

    private async Task<Answer> SubmitAsync(LedgerMail mail, Progress progress, CancellationToken cancellation)
    {
        progress.HasBegun = true;
        if (await SayAsync($"MAIL FROM:<{LedgerMail.Sender}>", cancellation) is var said && !said.StartsWith("250", StringComparison.Ordinal))
        {
            return Refused(said);
        }

        var taken = new List<string>();
        foreach (var recipient in mail.Recipients)
        {
            said = await SayAsync($"RCPT TO:<{recipient}>", cancellation);
            if (said.StartsWith("250", StringComparison.Ordinal))
            {
                taken.Add(recipient);
            }
        }

        if (await SayAsync("DATA", cancellation) is var data && !data.StartsWith("354", StringComparison.Ordinal))
        {
            return Refused(data);
        }

        var stream = _socket!.GetStream();
        await stream.WriteAsync(mail.ToWire(), cancellation);
        progress.IsPastDot = true;
        var answer = await SayAsync(".", cancellation);
        return answer.StartsWith("250", StringComparison.Ordinal)
                ? Answer.Accepted(answer, answer[(answer.LastIndexOf(' ') + 1)..], taken)
            // 452 and 5yz are certain; after a 451 nobody knows.
            : answer.StartsWith('5') || answer.StartsWith("452", StringComparison.Ordinal) ? Refused(answer) with { Recipients = taken }
            : Refused(answer) with { Outcome = SubmissionOutcome.Info, Recipients = taken };
    }

    private Answer Refused(string reply)
    {
        // Real clients often hang up after a refusal; a new connection may also reach another relay.
        Dispose();
        return new Answer(SubmissionOutcome.Fail, reply) { IsForNow = reply.StartsWith('4') };
    }

    private async Task<string> SayAsync(string line, CancellationToken cancellation)
    {
        await _socket!.GetStream().WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"), cancellation);
        return await ReadReplyAsync(cancellation);
    }

    private async Task<string> ReadReplyAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var line = await _reader.ReadLineAsync(cancellation) ?? throw new IOException("the relay closed the connection");
            if (line.Length < 4 || line[3] != '-')
            {
                return line;
            }
        }
    }

    private sealed class Progress
    {
        public bool HasBegun { get; set; }

        /// <summary>The final dot may have reached the relay.</summary>
        public bool IsPastDot { get; set; }
    }
}
