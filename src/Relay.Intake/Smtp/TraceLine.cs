using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Relay.Mail.Messages;
using Relay.Smtp.Commands;

namespace Relay.Intake.Smtp;

/// <summary>
/// Our Received line (RFC 5321, 4.4): who gave us the message, how, and when. FOR is left out, since it would tell one
/// recipient of another.
/// </summary>
internal static class TraceLine
{
    // A domain is no longer; what a client says in its stead need not be kept whole.
    private const int MaxNameLength = 255;

    public static byte[] Of(TraceFacts facts, MessageId id, DateTimeOffset now)
    {
        var encryption = facts.Encryption is { } used ? $"\r\n\t(using {used})" : "";
        return Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"Received: from {facts.ClientName} ({Literal(facts.ClientAddress)})\r\n\tby {facts.HostName} with {Protocol(facts)} id {id}{encryption};\r\n\t{now.ToUniversalTime():ddd, dd MMM yyyy HH:mm:ss} +0000\r\n"));
    }

    /// <summary>
    /// A client's name for itself as it may stand in a header: letters, digits and what names and address literals
    /// need; anything else, which could end the field or start a comment, becomes a question mark.
    /// </summary>
    public static string CleanName(string name) => string.Create(Math.Min(name.Length, MaxNameLength), name, static (clean, name) =>
    {
        for (var i = 0; i < clean.Length; i++)
        {
            clean[i] = char.IsAsciiLetterOrDigit(name[i]) || name[i] is '.' or '-' or '_' or '[' or ']' or ':' ? name[i] : '?';
        }
    });

    // RFC 3848, RFC 6531, 4.3.
    private static string Protocol(TraceFacts facts)
    {
        var protocol = facts.SmtpUtf8 ? "UTF8SMTP" : facts.Extended ? "ESMTP" : "SMTP";
        return protocol is "SMTP" ? protocol : $"{protocol}{(facts.Encryption is null ? "" : "S")}{(facts.Authenticated ? "A" : "")}";
    }

    private static string Literal(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[IPv6:{address}]" : $"[{address}]";
}

/// <param name="ClientName">As cleaned by <see cref="TraceLine.CleanName"/>.</param>
/// <param name="Encryption">Protocol and cipher; null in clear text.</param>
internal sealed record TraceFacts(
    string ClientName,
    IPAddress ClientAddress,
    string HostName,
    string? Encryption,
    bool Extended,
    bool Authenticated,
    bool SmtpUtf8)
{
    public static TraceFacts Of(DeskFacts facts, Envelope envelope, string hostName, bool authenticated) => new(
        TraceLine.CleanName(facts.Hello.Name), facts.Client, hostName, facts.Encryption, Extended: facts.Hello.Verb == SmtpVerb.Ehlo, authenticated, envelope.SmtpUtf8);
}
