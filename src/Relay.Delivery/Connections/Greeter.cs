using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Delivery.TlsPolicies;
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
    public async ValueTask<Opened.Failed?> GreetAsync(SmtpConnection connection, TlsTerms terms, RouteLogin? login)
    {
        // In clear text nothing is proved; what is missing is told where the terms are only a trial.
        connection.Security = new ConnectionSecurity(terms, Trouble: terms.Trouble);
        if (terms.Mode == RouteTls.Implicit && await ShakeHandsAsync(connection, terms) is { } broken)
        {
            return broken;
        }

        if (await connection.ReadReplyAsync(_timeouts.Greeting) is var greeting && !greeting.IsPositive)
        {
            return Refused(connection, greeting);
        }

        return await SayHelloAsync(connection)
            ?? await SecureAsync(connection, terms, login)
            ?? await LogInAsync(connection, login);
    }

    private async ValueTask<Opened.Failed?> SayHelloAsync(SmtpConnection connection)
    {
        connection.Output.Ehlo(connection.OurName ?? relay.Value.HostName);
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
            connection.Output.Helo(connection.OurName ?? relay.Value.HostName);
            reply = await AskAsync(connection, _timeouts.Ehlo);
        }

        return reply.IsPositive ? null : Refused(connection, reply);
    }

    private async ValueTask<Opened.Failed?> SecureAsync(SmtpConnection connection, TlsTerms terms, RouteLogin? login)
    {
        if (terms.Mode is RouteTls.None or RouteTls.Implicit)
        {
            return null;
        }

        if (!connection.Capabilities.StartTls)
        {
            connection.Security = connection.Security with { Trouble = TlsTrouble.StartTlsNotSupported };
            return terms.NeedsTls || login is not null
                ? Insecure(connection, "the remote does not offer STARTTLS, which is required here") with { Trouble = TlsTrouble.StartTlsNotSupported }
                : null;
        }

        connection.Output.StartTls();
        var reply = await AskAsync(connection, _timeouts.Ehlo);
        if (!reply.IsPositive)
        {
            return Refused(connection, reply) with { BrokenTls = true, Trouble = TlsTrouble.StartTlsNotSupported, IsForSite = true };
        }

        // What came behind the 220 in clear would be taken for replies under TLS: someone in between put it there.
        if (connection.HasBuffered)
        {
            return Insecure(connection, "octets came in clear text behind the answer to STARTTLS") with { Trouble = TlsTrouble.ValidationFailure };
        }

        // Everything heard so far was heard in clear and counts no more (RFC 3207, 4.2).
        return await ShakeHandsAsync(connection, terms, login is not null) ?? await SayHelloAsync(connection);
    }

    private async ValueTask<Opened.Failed?> ShakeHandsAsync(SmtpConnection connection, TlsTerms terms, bool hasLogin = false)
    {
        var judge = new PeerJudge(terms, ChainPolicy);
        if (await connection.StartTlsAsync(judge.Options(), _timeouts.TlsHandshake))
        {
            connection.Security = new ConnectionSecurity(terms, judge.Proof, judge.OnlyFor, terms.Trouble ?? judge.Trouble);
            connection.Log.Note(0, $"{connection.Tls}, {(judge.Proof is { } proof ? $"proved by {proof}" : $"not proved: {judge.Words}")}");
            return null;
        }

        // In clear text, where that may be, the host can be as good as any other.
        var lost = Lost(connection) with { BrokenTls = true, Trouble = judge.Trouble ?? TlsTrouble.ValidationFailure, IsForSite = true };
        return judge.Words is { } words ? lost with { Words = words, Rule = DeliveryRules.Unproved }
            : terms.NeedsTls || hasLogin ? lost with { Rule = DeliveryRules.NoSecureConnection }
            : lost;
    }

    private async ValueTask<Opened.Failed?> LogInAsync(SmtpConnection connection, RouteLogin? login)
    {
        if (login is null)
        {
            return null;
        }

        RemoteReply reply;
        if (connection.Capabilities.AuthPlain || !connection.Capabilities.AuthLogin)
        {
            connection.Output.AuthPlain(login.User, login.Password);
            reply = await AskAsync(connection, _timeouts.Ehlo, "AUTH PLAIN (secret)"u8);
        }
        else
        {
            connection.Output.AuthLogin();
            reply = await AskAsync(connection, _timeouts.Ehlo);
            for (var i = 0; i < 2 && reply.IsIntermediate; i++)
            {
                connection.Output.AuthAnswer(i == 0 ? login.User : login.Password);
                reply = await AskAsync(connection, _timeouts.Ehlo, "(secret)"u8);
            }
        }

        return reply.IsPositive ? null : Refused(connection, reply) with { IsForSite = !reply.IsLost };
    }

    private static ValueTask<RemoteReply> AskAsync(SmtpConnection connection, TimeSpan timeout) =>
        AskAsync(connection, timeout, connection.Output.Written.Span);

    /// <param name="told">What the log keeps of it: nothing secret.</param>
    private static ValueTask<RemoteReply> AskAsync(SmtpConnection connection, TimeSpan timeout, ReadOnlySpan<byte> told)
    {
        connection.Log.Said(0, told);
        return HearAsync();

        async ValueTask<RemoteReply> HearAsync() => await connection.FlushAsync(timeout) ? await connection.ReadReplyAsync(timeout) : default;
    }

    private static Opened.Failed Refused(SmtpConnection connection, RemoteReply reply)
    {
        if (reply.IsLost)
        {
            return Lost(connection);
        }

        var refusal = Verdict.OfConnection(reply, connection.Host.Name);
        return Failed(connection, refusal.Reply, refusal.Rule!) with { Refusal = refusal };
    }

    private static Opened.Failed Lost(SmtpConnection connection) =>
        Failed(connection, connection.WhyLost, DeliveryRules.Unreachable);

    private static Opened.Failed Insecure(SmtpConnection connection, string words) =>
        Failed(connection, words, DeliveryRules.NoSecureConnection) with { IsForSite = true };

    private static Opened.Failed Failed(SmtpConnection connection, string words, string rule) =>
        new(words, rule, connection.Host.Name, connection.Address)
        {
            From = connection.From,
            Source = connection.Security.Terms?.Source ?? TlsSource.Nobody,
            IsForMessage = connection.Security.Terms is { IsForMessage: true },
        };
}
