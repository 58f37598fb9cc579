using Relay.Delivery.Connections;
using Relay.Mail.Classification;
using Relay.Mail.Crashing;
using Relay.Mail.Messages;
using Relay.Smtp.Client;

namespace Relay.Delivery.Sending;

/// <summary>
/// MAIL, RCPT and DATA of one transaction, in one flight or one by one. Recipients that are refused have their outcome
/// afterwards. A content that goes by BDAT is not asked for.
/// </summary>
/// <param name="turn">Of the transaction, in the connection's log.</param>
internal sealed class EnvelopeDialogue(
    SmtpConnection connection,
    int turn,
    Message message,
    IReadOnlyList<int> recipients,
    Outcome?[] outcomes,
    TransportNeeds needs,
    bool isFirst,
    bool byChunk,
    TimeoutOptions timeouts)
{
    private bool _resets;

    // A connection that lay unused may have lost its other end without a sign: what was sent vanishes, and no answer comes.
    private TimeSpan FirstAnswer => connection.WasIdle && timeouts.Reuse < timeouts.Mail ? timeouts.Reuse : timeouts.Mail;

    /// <summary>All commands in one write (RFC 2920). Every reply is then read, whatever the first ones said.</summary>
    public async ValueTask<EnvelopeStep> SendAheadAsync()
    {
        Write();

        // A remote that went away before it had all of it may have said why: that is heard all the same.
        await connection.FlushAsync(timeouts.Mail);
        return await HearAsync();
    }

    /// <summary>Puts all commands behind what lies in the buffer.</summary>
    public void Write()
    {
        var start = connection.Output.Length;
        _resets = connection.NeedsReset;
        if (_resets)
        {
            connection.Output.Reset();
        }

        WriteMail();
        for (var i = 0; i < recipients.Count; i++)
        {
            if (outcomes[i] is null)
            {
                WriteRcpt(i);
            }
        }

        if (!byChunk)
        {
            connection.Output.Data();
        }

        connection.NeedsReset = true;
        connection.Log.Said(turn, connection.Output.Written.Span[start..]);
    }

    /// <summary>Reads the replies to what was written.</summary>
    public async ValueTask<EnvelopeStep> HearAsync()
    {
        connection.Log.Listener = turn;
        if (_resets && await HearResetAsync() is { } trouble)
        {
            return trouble;
        }

        var mail = await connection.ReadReplyAsync(_resets ? timeouts.Mail : FirstAnswer);
        if (mail.IsLost || mail.IsGoodbye)
        {
            return mail.IsLost ? EnvelopeStep.NoReplyAtAll : Goodbye(mail);
        }

        // The replies to RCPT and DATA come all the same; after a refused MAIL they say nothing about the recipients.
        var refusal = mail.IsPositive ? null : Verdict.Of(mail, connection, SmtpPhase.Sender);
        for (var i = 0; i < recipients.Count; i++)
        {
            if (outcomes[i] is null)
            {
                var reply = await connection.ReadReplyAsync(timeouts.Recipient);
                if (reply.IsLost || reply.IsGoodbye)
                {
                    return Ended(reply, refusal);
                }

                outcomes[i] = refusal ?? (reply.IsPositive ? null : Verdict.OfRecipient(reply, connection, recipients.Count > 1));
            }
        }

        CrashPoints.Pass(CrashPoint.AfterRcpt);
        if (byChunk)
        {
            return Array.TrueForAll(outcomes, o => o is not null) ? EnvelopeStep.NothingToSend : EnvelopeStep.SendBody;
        }

        var data = await connection.ReadReplyAsync(timeouts.Data);
        return data.IsLost || data.IsGoodbye ? Ended(data, refusal) : Judge(data);
    }

    /// <summary>One command, one reply: for remotes that do not offer PIPELINING, and where each octet counts.</summary>
    public async ValueTask<EnvelopeStep> SendStepByStepAsync()
    {
        connection.Log.Listener = turn;
        if (connection.NeedsReset)
        {
            connection.Output.Reset();
            connection.Log.Said(turn, connection.Output.Written.Span);
            if (!await connection.FlushAsync(timeouts.Mail))
            {
                return EnvelopeStep.NoReplyAtAll;
            }

            if (await HearResetAsync() is { } trouble)
            {
                return trouble;
            }
        }

        var answer = connection.NeedsReset ? timeouts.Mail : FirstAnswer;
        WriteMail();
        connection.NeedsReset = true;
        var mail = await AskAsync(answer);
        if (mail.IsLost || mail.IsGoodbye)
        {
            return mail.IsLost ? EnvelopeStep.NoReplyAtAll : Goodbye(mail);
        }

        if (!mail.IsPositive)
        {
            Settle(Verdict.Of(mail, connection, SmtpPhase.Sender));
            return EnvelopeStep.NothingToSend;
        }

        for (var i = 0; i < recipients.Count; i++)
        {
            if (outcomes[i] is null)
            {
                WriteRcpt(i);
                var reply = await AskAsync(timeouts.Recipient);
                if (reply.IsLost || reply.IsGoodbye)
                {
                    return Ended(reply, null);
                }

                outcomes[i] = reply.IsPositive ? null : Verdict.OfRecipient(reply, connection, recipients.Count > 1);
            }
        }

        if (Array.TrueForAll(outcomes, o => o is not null))
        {
            return EnvelopeStep.NothingToSend;
        }

        CrashPoints.Pass(CrashPoint.AfterRcpt);
        connection.Output.Data();
        var data = await AskAsync(timeouts.Data);
        return data.IsLost || data.IsGoodbye ? Ended(data, null) : Judge(data);
    }

    private async ValueTask<RemoteReply> AskAsync(TimeSpan timeout)
    {
        connection.Log.Said(turn, connection.Output.Written.Span);
        await connection.FlushAsync(timeout);
        return await connection.ReadReplyAsync(timeout);
    }

    // Null when all is well.
    private async ValueTask<EnvelopeStep?> HearResetAsync()
    {
        var reply = await connection.ReadReplyAsync(FirstAnswer);
        return reply.IsPositive ? null : EnvelopeStep.NoReplyAtAll;
    }

    private EnvelopeStep Judge(RemoteReply data)
    {
        var accepted = !Array.TrueForAll(outcomes, o => o is not null);
        if (data.IsIntermediate)
        {
            return accepted ? EnvelopeStep.SendBody : EnvelopeStep.SendLoneDot;
        }

        if (accepted)
        {
            // 2yz to DATA would be as wrong as any other reply but 354: what the remote thinks now nobody knows.
            Settle(data.IsPositive ? new Outcome.Deferred(data.Line(), DeliveryRules.Unexpected) : Verdict.Of(data, connection, SmtpPhase.Content));
        }

        return data.IsPositive ? EnvelopeStep.OutOfStep : EnvelopeStep.NothingToSend;
    }

    // 421 before any other word is how a server says that it had closed already; a connection that was open before does not count.
    private EnvelopeStep Goodbye(RemoteReply reply)
    {
        if (!isFirst && reply.IsGoodbye)
        {
            return EnvelopeStep.NoReplyAtAll;
        }

        Settle(Verdict.Of(reply, connection, SmtpPhase.Connection));
        return EnvelopeStep.Lost;
    }

    private EnvelopeStep Ended(RemoteReply reply, Outcome? refusal)
    {
        if (refusal is not null || !reply.IsLost)
        {
            Settle(refusal ?? Verdict.Of(reply, connection, SmtpPhase.Connection));
        }

        return EnvelopeStep.Lost;
    }

    private void Settle(Outcome outcome)
    {
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] ??= outcome;
        }
    }

    private void WriteMail()
    {
        var envelope = message.Envelope;
        var offered = connection.Capabilities;
        connection.Output.Mail(message.WireSender, new MailParameters(
            Size: offered.Size ? message.Content.Length : null,
            EightBitMime: needs.EightBitMime && offered.EightBitMime,
            SmtpUtf8: needs.SmtpUtf8 && offered.SmtpUtf8,
            ReturnFull: offered.Dsn && envelope.Return != DsnReturn.Unspecified ? envelope.Return == DsnReturn.Full : null,
            EnvelopeId: offered.Dsn ? envelope.EnvelopeId : null,
            RequireTls: envelope.Tls == TlsDemand.RequireTls && offered.RequireTls));
    }

    private void WriteRcpt(int i)
    {
        var recipient = message.Envelope.Recipients[recipients[i]];
        var offered = connection.Capabilities.Dsn;
        connection.Output.Rcpt(recipient.Address, new RcptParameters(
            Notify: offered ? Words(recipient.Notify) : null,
            OriginalRecipient: offered ? recipient.OriginalRecipient : null));
    }

    private static string? Words(DsnNotify? notify) => notify switch
    {
        null => null,
        DsnNotify.Never => "NEVER",
        DsnNotify.Success => "SUCCESS",
        DsnNotify.Failure => "FAILURE",
        DsnNotify.Delay => "DELAY",
        DsnNotify.Success | DsnNotify.Failure => "SUCCESS,FAILURE",
        DsnNotify.Success | DsnNotify.Delay => "SUCCESS,DELAY",
        DsnNotify.Failure | DsnNotify.Delay => "FAILURE,DELAY",
        _ => "SUCCESS,FAILURE,DELAY",
    };
}

/// <summary>How a transaction goes on behind its envelope.</summary>
internal enum EnvelopeStep
{
    /// <summary>354 where it was asked for, and at least one recipient was let through.</summary>
    SendBody,

    /// <summary>354, but no recipient was let through.</summary>
    SendLoneDot,

    /// <summary>All recipients have their outcome, and the connection is in order.</summary>
    NothingToSend,

    /// <summary>The connection ended in the midst of the envelope.</summary>
    Lost,

    /// <summary>A reply that cannot be the one to its command: nobody knows which is.</summary>
    OutOfStep,

    /// <summary>The connection ended before it had answered anything.</summary>
    NoReplyAtAll,
}
