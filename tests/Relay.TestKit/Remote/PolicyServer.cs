using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Relay.TestKit.Remote;

/// <summary>An HTTPS server on loopback that answers each request with what it was told, octet for octet, and remembers what it was asked.</summary>
public sealed class PolicyServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly X509Certificate2 _certificate;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly Task _running;

    private PolicyServer(X509Certificate2 certificate, string address, int port)
    {
        _certificate = certificate;
        _listener.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        _listener.Listen();
        _running = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>The head of each request, and its body in Latin-1 behind it.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    /// <summary>The whole answer, status line and header included; null keeps silent.</summary>
    public string? Answer { get; set; }

    /// <summary>No answer before the task is done.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public static PolicyServer Start(X509Certificate2 certificate, string address = "127.0.0.1", int port = 0) => new(certificate, address, port);

    /// <summary>Serves this text as a policy.</summary>
    public PolicyServer Serve(string policy, string type = "text/plain", string status = "200 OK")
    {
        Answer = $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {policy.Length}\r\nConnection: close\r\n\r\n{policy}";
        return this;
    }

    public PolicyServer Serve(string mode, TimeSpan maxAge, params string[] mx) =>
        Serve($"version: STSv1\r\nmode: {mode}\r\nmax_age: {maxAge.TotalSeconds:0}\r\n{string.Concat(mx.Select(m => $"mx: {m}\r\n"))}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _running.WaitAsync(TimeSpan.FromSeconds(30)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var running = new List<Task>();
        try
        {
            while (true)
            {
                running.Add(ReplyAsync(await _listener.AcceptAsync(_stop.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(running);
        }
    }

    private async Task ReplyAsync(Socket socket)
    {
        try
        {
            await using var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
            var request = await ReadRequestAsync(tls);
            if (request.Length == 0)
            {
                // It did not like the certificate.
                return;
            }

            // As it was told by now: whoever sees the request may tell it another answer for the next one.
            var (told, gate) = (Answer, Gate);
            _requests.Enqueue(request);
            await gate.WaitAsync(_stop.Token);
            if (told is { } answer)
            {
                await tls.WriteAsync(Encoding.Latin1.GetBytes(answer), _stop.Token);
                await tls.ShutdownAsync();
            }
            else
            {
                await Task.Delay(Timeout.Infinite, _stop.Token);
            }
        }
        catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException or SocketException)
        {
            // The client, or the test, has gone.
        }
    }

    private async Task<string> ReadRequestAsync(SslStream tls)
    {
        var all = new StringBuilder();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var text = all.ToString();
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0 && text.Length - end - 4 >= LengthIn(text[..end]))
            {
                return text;
            }

            var count = await tls.ReadAsync(buffer, _stop.Token);
            if (count == 0)
            {
                return text;
            }

            all.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
    }

    private static int LengthIn(string head) =>
        head.Split("\r\n").FirstOrDefault(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) is { } line
            ? int.Parse(line[15..], System.Globalization.CultureInfo.InvariantCulture)
            : 0;
}
