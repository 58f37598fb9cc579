using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using StackExchange.Redis;

namespace Relay.Redis.Connections;

/// <summary>One short look at one server: a PING and a login over a connection that is closed again.</summary>
internal sealed class StoreVisit(ConfigurationOptions options, EndPoint endPoint, bool isSentinel)
{
    // The other side of the world answers in a fraction of it. Whoever takes longer is away, which is not for us to say.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const int MostRead = 512;
    private const int MostShown = 60;

    private readonly string _name = $"The store at {StoreGreeting.NameOf(endPoint)}";

    public async Task<Heard> HearAsync(CancellationToken cancellation)
    {
        var heard = await VisitAsync(options.Ssl, TalkAsync, cancellation);
        if (heard.Kind != HeardKind.Silent)
        {
            return heard;
        }

        // It takes connections and says nothing: the two sides may not mean the same by the first octets.
        return options.Ssl
            ? await VisitAsync(secure: false, IsRedisAsync, cancellation) is { Kind: HeardKind.Good } ? Never("does not speak TLS: leave ssl=true out of Relay:Redis, or name its port for TLS") : heard
            : await VisitAsync(secure: true, _ => Task.FromResult(Heard.Good), cancellation) is { Kind: HeardKind.Good or HeardKind.Never }
                ? Never("speaks TLS: add ssl=true to Relay:Redis, or name its port without TLS")
                : heard;
    }

    private async Task<Heard> VisitAsync(bool secure, Func<Stream, Task<Heard>> talk, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint, deadline.Token);
        }
        catch (Exception e) when (IsOfServer(e, cancellation))
        {
            return new Heard(HeardKind.Away);
        }

        await using var plain = new NetworkStream(socket);
        await using var tls = new SslStream(plain);
        var silent = new Heard(HeardKind.Silent);
        try
        {
            if (secure)
            {
                if (await FindFaultAsync(tls, deadline.Token) is { } fault)
                {
                    return Never(fault);
                }

                // The server judges the relay's certificate after the relay has judged the server's.
                silent = new Heard(HeardKind.NotNow, $"{_name} ends the connection once it is encrypted: does it want to see a certificate (Relay:RedisTls:Certificate)?");
            }

            return await talk(secure ? tls : plain).WaitAsync(deadline.Token);
        }
        catch (Exception e) when (IsOfServer(e, cancellation))
        {
            return silent;
        }
    }

    private static bool IsOfServer(Exception exception, CancellationToken cancellation) =>
        exception is IOException or SocketException or AuthenticationException || (exception is OperationCanceledException && !cancellation.IsCancellationRequested);

    /// <summary>Encrypts the connection; what is wrong with the server's certificate, or null.</summary>
    private async Task<string?> FindFaultAsync(SslStream stream, CancellationToken cancellation)
    {
        var host = options.SslHost ?? (endPoint is DnsEndPoint name ? name.Host : ((IPEndPoint)endPoint).Address.ToString());
        var authentication = options.SslClientAuthenticationOptions?.Invoke(host) ?? new SslClientAuthenticationOptions { TargetHost = host };
        authentication.TargetHost = host;
        string? fault = null;
        authentication.RemoteCertificateValidationCallback = (_, _, chain, errors) =>
        {
            fault = FaultOf(errors, chain, host);
            return fault is null;
        };
        try
        {
            await stream.AuthenticateAsClientAsync(authentication, cancellation);
            return null;
        }
        catch (AuthenticationException) when (fault is not null)
        {
            return fault;
        }
    }

    private static string? FaultOf(SslPolicyErrors errors, X509Chain? chain, string host) =>
        errors == SslPolicyErrors.None ? null
        : errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable) ? "shows no certificate"
        : errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? $"shows a certificate that is not for '{host}'; if it is the right one, name whom it is for with sslHost=... in Relay:Redis"
        : $"shows a certificate that is not trusted here: {string.Join(", ", (chain?.ChainStatus ?? []).Select(status => status.Status))}. Relay:RedisTls:Authority names the file of who signed it";

    private async Task<Heard> IsRedisAsync(Stream stream) => await SayAsync(stream, "PING") is ['+' or '-', ..] ? Heard.Good : new Heard(HeardKind.Silent);

    private async Task<Heard> TalkAsync(Stream stream)
    {
        var first = await SayAsync(stream, "PING");
        var isOpen = first == "+PONG";
        if (!isOpen && first is not ['-', ..])
        {
            return Never($"is no Redis: it answered '{Shown(first)}'");
        }

        var asksWho = first.StartsWith("-NOAUTH", StringComparison.Ordinal);
        if (string.IsNullOrEmpty(options.Password))
        {
            return asksWho ? Never("wants a password, and Relay:Redis names none") : Heard.Good;
        }

        // Sentinels without logins of their own are the rule, and the password is for the servers behind them.
        if (isOpen && isSentinel)
        {
            return Heard.Good;
        }

        var login = string.IsNullOrEmpty(options.User) ? await SayAsync(stream, "AUTH", options.Password) : await SayAsync(stream, "AUTH", options.User, options.Password);
        return login.StartsWith("-WRONGPASS", StringComparison.Ordinal) || (asksWho && login is ['-', ..])
            ? Never($"does not take the user name or password in Relay:Redis: {Shown(login[1..])}")
            : Heard.Good;
    }

    /// <summary>The first line of the answer.</summary>
    /// <exception cref="IOException">There is none.</exception>
    private static async Task<string> SayAsync(Stream stream, params string[] words)
    {
        var request = new StringBuilder().Append('*').Append(words.Length).Append("\r\n");
        foreach (var word in words)
        {
            request.Append('$').Append(Encoding.UTF8.GetByteCount(word)).Append("\r\n").Append(word).Append("\r\n");
        }

        await stream.WriteAsync(Encoding.UTF8.GetBytes(request.ToString()));
        var answer = new byte[MostRead];
        var count = 0;
        while (count < MostRead && await stream.ReadAsync(answer.AsMemory(count)) is > 0 and var more)
        {
            count += more;
            if (answer.AsSpan(0, count).IndexOf((byte)'\n') is >= 0 and var end)
            {
                return Encoding.Latin1.GetString(answer, 0, end).TrimEnd('\r');
            }
        }

        return count > 0 ? Encoding.Latin1.GetString(answer, 0, count) : throw new EndOfStreamException("the server closed the connection");
    }

    private Heard Never(string words) => new(HeardKind.Never, $"{_name} {words}");

    // It comes from a stranger and goes to a terminal.
    private static string Shown(string line) =>
        new([.. line.Take(MostShown).Select(c => c is >= ' ' and <= '~' ? c : '?')]);
}

/// <summary>What came of a look at a server.</summary>
internal sealed record Heard(HeardKind Kind, string Words = "")
{
    public static Heard Good { get; } = new(HeardKind.Good);
}

internal enum HeardKind
{
    /// <summary>Nothing speaks against it.</summary>
    Good,

    /// <summary>Nobody there.</summary>
    Away,

    /// <summary>It takes connections and does not answer.</summary>
    Silent,

    /// <summary>It says no, which may pass.</summary>
    NotNow,

    /// <summary>It cannot be used with these settings.</summary>
    Never,
}
