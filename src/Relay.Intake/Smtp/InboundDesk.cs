using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Relay.Mail.Accounts;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Smtp.Addresses;
using Relay.Smtp.Commands;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>
/// Behind the inbound door stand those who read what comes back: mail of anybody, to the addresses that we gave out, to those
/// that an account has a route for, and to nobody else. An unknown recipient is refused at once, so nothing is ever taken that would have to be sent back.
/// </summary>
/// <param name="returnPathLabel">The first label of return-path domains, whose postmaster must be reachable (RFC 5321, 4.5.1).</param>
/// <remarks>Receivers want one address for all complaints of their users (feedback loops): that is abuse, where people look for it too (RFC 2142, 2).</remarks>
internal sealed class InboundDesk(IIncomingMail incoming, RoutedMail routed, string hostName, string returnPathLabel, IntakeMetrics metrics, TimeProvider time, ILogger logger) : IMailDesk
{
    private readonly string _returnPaths = $"{returnPathLabel}.";

    public IContentPlace PlaceFor(Transaction transaction) => transaction.Route is { } route ? routed.PlaceFor(route, transaction) : Forgotten.Instance;

    public ValueTask<SmtpReply?> CheckSenderAsync(SmtpCommand.Mail mail, Credential? credential) => ValueTask.FromResult<SmtpReply?>(null);

    public async ValueTask<SmtpReply?> CheckRecipientAsync(Transaction transaction, EnvelopeAddress recipient)
    {
        InboundRoute? route = null;
        if (!IsOurs(recipient) && !incoming.Knows(recipient))
        {
            try
            {
                route = await routed.FindAsync(recipient, CancellationToken.None);
            }
            catch (StoreUnavailableException)
            {
                return Replies.StoreUnavailable;
            }

            if (route is null && incoming.MayComeToKnow(recipient))
            {
                return Replies.NotKnownYet;
            }

            if (route is null)
            {
                metrics.Refused(DoorRefusal.UnknownRecipient);
                return Replies.UnknownRecipient;
            }
        }

        // A content is kept whole or in part, and once: what goes different ways comes one by one (RFC 5321, 4.5.3.1.10).
        if (transaction.Recipients > 0 && transaction.Route?.Id != route?.Id)
        {
            return Replies.OneWayAtATime;
        }

        transaction.Route = route;
        return null;
    }

    public MessageId CreateId(Transaction transaction, ReadOnlyMemory<byte> head) => MessageId.Create(time);

    public async ValueTask<DeskAnswer> TakeAsync(Transaction transaction, IncomingContent content, DeskFacts facts)
    {
        if (transaction.Route is { } route)
        {
            return await routed.TakeAsync(route, transaction, content, facts);
        }

        var envelope = transaction.ToEnvelope();
        var mail = new IncomingMail(
            content.Id, envelope.Sender, [.. envelope.Recipients.Select(recipient => recipient.Address).DistinctBy(address => address.Text, StringComparer.OrdinalIgnoreCase)], content.Head, content.Length, facts.Client, time.GetUtcNow());
        var result = await incoming.TakeAsync(mail, CancellationToken.None);
        logger.IncomingTaken(content.Id, facts.Client, content.Length, result);
        return result switch
        {
            IncomingResult.Taken => new DeskAnswer(content.Id),
            IncomingResult.TooEarly => DeskAnswer.No(Replies.TooEarly),
            IncomingResult.StoreFull => DeskAnswer.No(Replies.StoreFull),
            IncomingResult.StoreUnavailable => DeskAnswer.No(Replies.StoreUnavailable),
            _ => throw new UnreachableException(),
        };
    }

    private bool IsOurs(EnvelopeAddress recipient) =>
        recipient.IsBarePostmaster
        || (recipient.LocalPart.ToLowerInvariant() is "postmaster" or "abuse"
            && (recipient.Domain.Equals(hostName, StringComparison.OrdinalIgnoreCase) || recipient.Domain.StartsWith(_returnPaths, StringComparison.Ordinal)));

    /// <summary>What a report tells stands in its first octets; the rest, mostly the mail given back, is read and dropped.</summary>
    private sealed class Forgotten : IContentPlace
    {
        public static readonly Forgotten Instance = new();

        public ValueTask<SmtpReply?> KeepAsync(MessageId message, int chunk, ReadOnlyMemory<byte> octets) => default;

        public ValueTask DropAsync(MessageId message, int chunks) => default;
    }
}
