using Relay.Delivery.Connections;
using Relay.Mail.Classification;
using Relay.Mail.Crashing;
using Relay.Mail.Queue;
using Relay.Smtp.Client;

namespace Relay.Delivery.Sending;

/// <summary>
/// One mail transaction for some recipients of a message. Each of them ends with an outcome of its own:
/// <list type="bullet">
/// <item>A reply decides by its code: 4yz is deferred, 5yz bounced; to MAIL for all, to RCPT for that recipient, to DATA and
/// to the final dot for those that RCPT let through.</item>
/// <item>A connection lost before the last octet of the dot was handed over has delivered nothing: deferred.</item>
/// <item>A connection lost after it, without a reply: uncertain.</item>
/// <item>A connection that was open before and is lost without any reply to us was dead already: no attempt at all.</item>
/// <item>Where our turn at the unit ends before the dot, the dot is never sent: no attempt at all.</item>
/// </list>
/// </summary>
internal sealed class Transaction(BodyWriter body, TimeoutOptions timeouts)
{
    /// <param name="recipients">Indexes into the envelope's recipients.</param>
    /// <param name="stepByStep">Wait for each reply even if the remote would take commands ahead.</param>
    /// <param name="outcomes">As many as recipients; set where the transaction came to an end, null where it never began.</param>
    public async ValueTask<TransactionEnd> RunAsync(
        SmtpConnection connection, Lease lease, IReadOnlyList<int> recipients, bool stepByStep, Outcome?[] outcomes, CancellationToken stop)
    {
        var message = lease.Message;
        var needs = TransportNeeds.Of(message, recipients);
        needs.Refuse(connection.Capabilities, message, recipients, outcomes);
        if (Array.TrueForAll(outcomes, o => o is not null))
        {
            return TransactionEnd.Clean;
        }

        CrashPoints.Pass(CrashPoint.BeforeMail);
        var fresh = connection.Messages++ == 0;
        var envelope = new EnvelopeDialogue(connection, message, recipients, outcomes, timeouts);
        var step = connection.Capabilities.Pipelining && !stepByStep
            ? await envelope.SendAheadAsync(needs)
            : await envelope.SendStepByStepAsync(needs);

        return step switch
        {
            EnvelopeStep.SendBody => await SendBodyAsync(connection, lease, outcomes, stop),
            EnvelopeStep.SendLoneDot => await SendLoneDotAsync(connection),
            EnvelopeStep.NothingToSend => TransactionEnd.Clean,
            EnvelopeStep.NoReplyAtAll when !fresh => TransactionEnd.NeverBegan,
            _ => Lost(connection, outcomes),
        };
    }

    private async ValueTask<TransactionEnd> SendBodyAsync(SmtpConnection connection, Lease lease, Outcome?[] outcomes, CancellationToken stop)
    {
        CrashPoints.Pass(CrashPoint.AfterData);
        connection.NeedsReset = false;
        var sent = connection.HasEarlyReply ? BodySent.Interrupted : await body.SendAsync(connection, lease, stop);
        switch (sent)
        {
            case BodySent.Whole:
                return await HearOutcomeAsync(connection, outcomes);

            case BodySent.Malformed:
                Settle(outcomes, new Outcome.Bounced("the content has a line that does not end in CRLF", "5.6.0", DeliveryRules.Malformed));
                return TransactionEnd.Spoiled;

            case BodySent.TurnOver:
                return TransactionEnd.TurnOver;

            case BodySent.ContentAway:
                Settle(outcomes, new Outcome.Deferred("the rest of the content could not be read from the store", DeliveryRules.ContentAway));
                return TransactionEnd.Spoiled;

            default:
                // What the remote said before it went away may be all that explains it.
                var last = await connection.ReadReplyAsync(timeouts.Data);
                Settle(outcomes, last.IsTransient || last.IsPermanent ? Verdict.Of(last, connection, SmtpPhase.Content)
                    : last.IsLost ? new Outcome.Deferred(connection.WhyLost, DeliveryRules.ConnectionLost)
                    : new Outcome.Deferred("the remote answered before it had the whole message", DeliveryRules.Unexpected));
                return TransactionEnd.Spoiled;
        }
    }

    private async ValueTask<TransactionEnd> HearOutcomeAsync(SmtpConnection connection, Outcome?[] outcomes)
    {
        CrashPoints.Pass(CrashPoint.AfterDot);
        var reply = await connection.ReadReplyAsync(timeouts.EndOfData);
        CrashPoints.Pass(CrashPoint.AfterReply);
        if (reply.IsLost || reply.IsIntermediate)
        {
            Settle(outcomes, new Outcome.Uncertain(reply.IsLost ? connection.WhyLost : reply.Line()));
            return TransactionEnd.Spoiled;
        }

        Settle(outcomes, Verdict.Of(reply, connection, SmtpPhase.Content));
        return reply.IsGoodbye ? TransactionEnd.Spoiled : TransactionEnd.Clean;
    }

    // The remote wants content although it took no recipient: an empty one to nobody ends that (RFC 2920, 3.1).
    private async ValueTask<TransactionEnd> SendLoneDotAsync(SmtpConnection connection)
    {
        ".\r\n"u8.CopyTo(connection.Output.GetSpan(3));
        connection.Output.Advance(3);
        return await connection.FlushAsync(timeouts.DataBlock) && !(await connection.ReadReplyAsync(timeouts.EndOfData)).IsLost
            ? TransactionEnd.Clean
            : TransactionEnd.Spoiled;
    }

    private static TransactionEnd Lost(SmtpConnection connection, Outcome?[] outcomes)
    {
        Settle(outcomes, new Outcome.Deferred(connection.WhyLost, DeliveryRules.ConnectionLost));
        return TransactionEnd.Spoiled;
    }

    // For all that have none yet.
    private static void Settle(Outcome?[] outcomes, Outcome outcome)
    {
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] ??= outcome;
        }
    }
}

internal enum TransactionEnd
{
    /// <summary>The connection may carry another one.</summary>
    Clean,

    /// <summary>The connection is of no more use.</summary>
    Spoiled,

    /// <summary>The connection was dead before we began: take another, nothing was tried.</summary>
    NeverBegan,

    /// <summary>
    /// Given up before the dot, since another node may try the unit from now on. Nothing was delivered, and whoever was
    /// refused meanwhile will be refused again; the connection is of no more use.
    /// </summary>
    TurnOver,
}
