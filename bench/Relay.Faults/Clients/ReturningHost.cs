using System.Net.Sockets;
using System.Text;

namespace Relay.Faults.Clients;

/// <summary>
/// A mail server that took a mail of ours and brings a report of it to our door: again and again until it is answered for
/// good, as RFC 5321, 4.5.4.1 has it.
/// </summary>
internal sealed class ReturningHost(int port)
{
    // Longer than the door may take to say no.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // Far quicker than any real one, so that a run ends.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private const int MaxTries = 300;

    /// <param name="insists">It comes again while it is not answered for good; else nobody knows what became of its one try.</param>
    public async Task<ReturnAnswer> BringAsync(string returnPath, string report, bool insists, CancellationToken cancellation)
    {
        var last = "";
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            try
            {
                last = await TryAsync(returnPath, report, cancellation);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException && !cancellation.IsCancellationRequested)
            {
                last = $"lost: {e.Message}";
            }

            if (last[0] is '2' or '5')
            {
                return new ReturnAnswer(last[0] == '2', tries, last);
            }

            if (!insists)
            {
                break;
            }

            await Task.Delay(Pause, cancellation);
        }

        return new ReturnAnswer(null, insists ? MaxTries : 1, last);
    }

    private async Task<string> TryAsync(string returnPath, string report, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        using var socket = new TcpClient { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", port, deadline.Token);
        var stream = socket.GetStream();
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var reply = await ReadAsync(reader, deadline.Token);
        foreach (var command in (string[])["EHLO mx.gone.test", "MAIL FROM:<>", $"RCPT TO:<{returnPath}>", "DATA", $"{report}\r\n."])
        {
            if (reply[0] is not ('2' or '3'))
            {
                return reply;
            }

            await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), deadline.Token);
            reply = await ReadAsync(reader, deadline.Token);
        }

        return reply;
    }

    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken cancellation)
    {
        while (true)
        {
            var line = await reader.ReadLineAsync(cancellation) ?? throw new IOException("the relay closed the connection");
            if (line.Length > 3 && line[3] == ' ')
            {
                return line;
            }
        }
    }
}

/// <param name="IsTaken">It had its 250, or was refused for good; null where nobody knows.</param>
internal sealed record ReturnAnswer(bool? IsTaken, int Tries, string Reply);
