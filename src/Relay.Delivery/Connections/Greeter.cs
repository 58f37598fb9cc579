using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail;
using Relay.Smtp.Client;

namespace Relay.Delivery.Connections;

/// <summary>
/// Brings a new connection to the point where it may carry mail: greeting, EHLO, STARTTLS with EHLO again, login. In this
/// phase nothing is final: whatever a remote says to us here, it has not heard of a message yet.
/// </summary>
internal sealed class Greeter(IOptions<DeliveryOptions> options, IOptions<RelayOptions> relay)
{
    private readonly TimeoutOptions _timeouts = options.Value.Timeouts;

    /// <summary>Whom to trust beside the system's authorities; for tests.</summary>
    public X509ChainPolicy? ChainPolicy { get; set; }

    /// <summary>Null when the connection is ready.</summary>
    public async ValueTask<Opened.Failed?> GreetAsync(SmtpConnection connection, RouteTls tls, RouteLogin? login)
    {
        if (tls == RouteTls.Implicit && !await connection.StartTlsAsync(TlsOptions(connection, verified: true), _timeouts.TlsHandshake))
        {
            return Lost(connection);
        }

        if (await connection.ReadReplyAsync(_timeouts.Greeting) is var greeting && !greeting.IsPositive)
        {
            return Refused(connection, greeting);
        }

        return await SayHelloAsync(connection)
            ?? await SecureAsync(connection, tls, login)
            ?? await LogInAsync(connection, tls, login);
    }

    private async ValueTask<Opened.Failed?> SayHelloAsync(SmtpConnection connection)
    {
        connection.Output.Ehlo(relay.Value.HostName);
        var reply = await AskAsync(connection, _timeouts.Ehlo);
        if (reply.IsPositive)
        {
            connection.Capabilities = EhloCapabilities.Parse(reply.Decode());
            return null;
        }

        // Who does not know EHLO is asked in the old way (RFC 5321, 3.2).
        connection.Capabilities = EhloCapabilities.None;
        if (reply.IsPermanent)
        {
            connection.Output.Helo(relay.Value.HostName);
            reply = await AskAsync(connection, _timeouts.Ehlo);
        }

        return reply.IsPositive ? null : Refused(connection, reply);
    }

    private async ValueTask<Opened.Failed?> SecureAsync(SmtpConnection connection, RouteTls tls, RouteLogin? login)
    {
        if (tls is RouteTls.None or RouteTls.Implicit)
        {
            return null;
        }

        var needed = tls == RouteTls.Required || login is not null;
        if (!connection.Capabilities.StartTls)
        {
            return needed ? Insecure(connection, "the remote does not offer STARTTLS, which is required here") : null;
        }

        connection.Output.StartTls();
        var reply = await AskAsync(connection, _timeouts.Ehlo);
        if (!reply.IsPositive)
        {
            return Refused(connection, reply) with { BrokenTls = true };
        }

        // What came behind the 220 in clear would be taken for replies under TLS: someone in between put it there.
        if (connection.HasBuffered)
        {
            return Insecure(connection, "octets came in clear text behind the answer to STARTTLS");
        }

        if (!await connection.StartTlsAsync(TlsOptions(connection, verified: tls == RouteTls.Required), _timeouts.TlsHandshake))
        {
            return Lost(connection) with { BrokenTls = true, Rule = needed ? DeliveryRules.NoSecureConnection : DeliveryRules.Unreachable };
        }

        // Everything heard so far was heard in clear and counts no more (RFC 3207, 4.2).
        return await SayHelloAsync(connection);
    }

    private async ValueTask<Opened.Failed?> LogInAsync(SmtpConnection connection, RouteTls tls, RouteLogin? login)
    {
        if (login is null)
        {
            return null;
        }

        RemoteReply reply;
        if (connection.Capabilities.AuthPlain || !connection.Capabilities.AuthLogin)
        {
            connection.Output.AuthPlain(login.User, login.Password);
            reply = await AskAsync(connection, _timeouts.Ehlo);
        }
        else
        {
            connection.Output.AuthLogin();
            reply = await AskAsync(connection, _timeouts.Ehlo);
            for (var i = 0; i < 2 && reply.IsIntermediate; i++)
            {
                connection.Output.AuthAnswer(i == 0 ? login.User : login.Password);
                reply = await AskAsync(connection, _timeouts.Ehlo);
            }
        }

        return reply.IsPositive ? null : Refused(connection, reply);
    }

    private static async ValueTask<RemoteReply> AskAsync(SmtpConnection connection, TimeSpan timeout) =>
        await connection.FlushAsync(timeout) ? await connection.ReadReplyAsync(timeout) : default;

    private SslClientAuthenticationOptions TlsOptions(SmtpConnection connection, bool verified)
    {
        var tls = new SslClientAuthenticationOptions { TargetHost = connection.Host.Name };
        if (verified)
        {
            tls.CertificateChainPolicy = ChainPolicy?.Clone();
        }
        else
        {
            // Encryption to someone unproved is still better than none (RFC 7435).
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        }

        return tls;
    }

    private static Opened.Failed Refused(SmtpConnection connection, RemoteReply reply)
    {
        if (reply.IsLost)
        {
            return Lost(connection);
        }

        var refusal = Verdict.OfConnection(reply, connection.Host.Name);
        return new Opened.Failed(refusal.Reply, refusal.Rule!, connection.Host.Name, connection.Address) { Refusal = refusal };
    }

    private static Opened.Failed Lost(SmtpConnection connection) =>
        new(connection.WhyLost, DeliveryRules.Unreachable, connection.Host.Name, connection.Address);

    private static Opened.Failed Insecure(SmtpConnection connection, string words) =>
        new(words, DeliveryRules.NoSecureConnection, connection.Host.Name, connection.Address);
}
