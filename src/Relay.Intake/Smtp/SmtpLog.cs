using System.Net;
using Microsoft.Extensions.Logging;
using Relay.Intake.Admission;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;

namespace Relay.Intake.Smtp;

/// <summary>What the door tells its operator. No key and no content is ever among it.</summary>
internal static partial class SmtpLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Session {Session} from {Client}")]
    public static partial void Connected(this ILogger logger, string session, IPAddress client);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Session {Session} is over: {End}")]
    public static partial void Disconnected(this ILogger logger, string session, WireEnd end);

    [LoggerMessage(Level = LogLevel.Information, Message = "Turned {Client} away: too many connections")]
    public static partial void TurnedAway(this ILogger logger, IPAddress client);

    [LoggerMessage(Level = LogLevel.Information, Message = "Session {Session} from {Client} could not agree on TLS: {Problem}")]
    public static partial void HandshakeFailed(this ILogger logger, string session, IPAddress client, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "Session {Session} failed")]
    public static partial void SessionFailed(this ILogger logger, Exception exception, string session);

    [LoggerMessage(Level = LogLevel.Error, Message = "There is no certificate for implicit TLS")]
    public static partial void NoCertificate(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "Login from {Client} failed")]
    public static partial void LoginFailed(this ILogger logger, IPAddress client);

    [LoggerMessage(Level = LogLevel.Information, Message = "Closed the connection of {Client}, which did not wait for a reply")]
    public static partial void OutOfStep(this ILogger logger, IPAddress client);

    [LoggerMessage(Level = LogLevel.Information, Message = "Refused a sender of account {Account}, {Reason}: {Text}")]
    public static partial void SenderRefused(this ILogger logger, string account, RefusalReason reason, string text);

    [LoggerMessage(Level = LogLevel.Information, Message = "Refused a content of account {Account} from {Client} after {Octets} octets: {Reply}")]
    public static partial void ContentRefused(this ILogger logger, string account, IPAddress client, long octets, string reply);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The content from {Client} broke off ({End}) after {Octets} octets")]
    public static partial void ContentLost(this ILogger logger, IPAddress client, WireEnd end, long octets);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Mail {Incoming} from {Client}, {Octets} octets: {Result}")]
    public static partial void IncomingTaken(this ILogger logger, MessageId incoming, IPAddress client, long octets, IncomingResult result);
}
