using Relay.Delivery.Connections;
using Relay.Delivery.Transcripts;
using Relay.Mail.Classification;
using Relay.Mail.Crashing;
using Relay.Mail.Queue;

namespace Relay.Delivery.Sending;

/// <summary>
/// One mail transaction for some recipients of a message, in the order of its steps: its envelope, alone or behind the body of
/// the transaction before (<see cref="Ride"/>); the replies to it (<see cref="OpenAsync"/>); its body, ready to leave
/// (<see cref="PrepareAsync"/>); and, sent with whatever rides behind it, its outcome (<see cref="SendAsync"/>). Each recipient
/// ends with an outcome of its own:
/// <list type="bullet">
/// <item>A reply decides by its code: 4yz is deferred, 5yz bounced; to MAIL for all, to RCPT for that recipient, to DATA and
/// to the final dot for those that RCPT let through.</item>
/// <item>A connection lost before the last octet of the dot was handed over has delivered nothing: deferred.</item>
/// <item>A connection lost after it, without a reply: uncertain.</item>
/// <item>A connection that was open before and is lost without any reply to us was dead already: no attempt at all.</item>
/// <item>An envelope that rode and was not answered to its end, or by replies that do not fit: no attempt at all. A 354 proves
/// that they fit, as nothing but DATA is answered so; refusals count when RSET behind them is answered by one 2yz and nothing more.</item>
/// <item>Where our turn at the unit ends before the dot, the dot is never sent: no attempt at all.</item>
/// </list>
/// </summary>
internal sealed class Transaction
{
    private readonly Lease _lease;
    private readonly Outcome?[] _outcomes;
    private readonly BodyWriter _body;
    private readonly TimeoutOptions _timeouts;
    private readonly bool _stepByStep;
    private readonly bool _isFirst;
    private readonly int _chunk;
    private readonly EnvelopeDialogue? _envelope;
    private readonly int _turn;
    private bool _rides;

    /// <param name="recipients">Indexes into the envelope's recipients.</param>
    /// <param name="outcomes">As many as recipients; set where the transaction comes to an end, null where it never began.</param>
    /// <param name="way">How far ahead of the replies it may go.</param>
    public Transaction(
        SmtpConnection connection, Lease lease, IReadOnlyList<int> recipients, Outcome?[] outcomes, TransactionWay way, BodyWriter body, TimeoutOptions timeouts)
    {
        Connection = connection;
        (_lease, _outcomes, _body, _timeouts) = (lease, outcomes, body, timeouts);
        _stepByStep = way == TransactionWay.StepByStep;
        var needs = TransportNeeds.Of(lease.Message, recipients);
        needs.Refuse(connection.Capabilities, lease.Message, recipients, outcomes);
        if (!Array.TrueForAll(outcomes, o => o is not null))
        {
            _turn = connection.Log.BeginTurn();
            _isFirst = connection.Messages == 0;
            _chunk = way == TransactionWay.ByChunk && BodyWriter.TryMeasure(lease.Message.Content, out var length) ? length : 0;
            _envelope = new EnvelopeDialogue(connection, _turn, lease.Message, recipients, outcomes, needs, _isFirst, IsByChunk, timeouts);
        }
    }

    public SmtpConnection Connection { get; }

    public Outcome?[] Outcomes => _outcomes;

    /// <summary>The content goes by BDAT, all of it in one flight.</summary>
    public bool IsByChunk => _chunk > 0;

    /// <summary>Each recipient has the message.</summary>
    public bool IsDelivered => Array.TrueForAll(_outcomes, o => o is Outcome.Delivered);

    /// <summary>No recipient is ruled out before the remote has heard of it.</summary>
    public bool IsWhole => Array.TrueForAll(_outcomes, o => o is null);

    /// <summary>The remote cannot be given this message at all, and need not hear of it.</summary>
    public bool IsOver => _envelope is null;

    /// <summary>Puts the envelope behind the body that is about to leave.</summary>
    public void Ride()
    {
        _rides = true;
        Begin().Write();
    }

    /// <summary>Has the envelope answered. Null when the body may follow.</summary>
    public async ValueTask<TransactionEnd?> OpenAsync()
    {
        if (IsOver)
        {
            return TransactionEnd.Clean;
        }

        var step = _rides ? await _envelope!.HearAsync()
            : _stepByStep ? await Begin().SendStepByStepAsync()
            : await Begin().SendAheadAsync();
        if (_rides && !await IsAnsweredAsync(step))
        {
            return TransactionEnd.NeverBegan;
        }

        switch (step)
        {
            case EnvelopeStep.SendBody when IsByChunk:
                return null;
            case EnvelopeStep.SendBody:
                CrashPoints.Pass(CrashPoint.AfterData);
                return null;
            case EnvelopeStep.SendLoneDot:
                return await SendLoneDotAsync();
            case EnvelopeStep.NothingToSend:
                return TransactionEnd.Clean;
            case EnvelopeStep.NoReplyAtAll when !_isFirst:
                return TransactionEnd.NeverBegan;
            default:
                Settle(new Outcome.Deferred(Connection.WhyLost, DeliveryRules.ConnectionLost));
                return TransactionEnd.Spoiled;
        }
    }

    /// <summary>Writes the body. Null when it may leave, with whatever is put behind it.</summary>
    public async ValueTask<TransactionEnd?> PrepareAsync(CancellationToken stop)
    {
        // The dot ends the transaction whatever is said to it; a refused chunk does not (RFC 3030, 2).
        Connection.NeedsReset = IsByChunk;
        Connection.Log.SaidContent(_turn, _lease.Message.Content.Length, IsByChunk);
        var written = Connection.HasBuffered ? BodyWritten.Interrupted
            : IsByChunk ? await _body.WriteChunkAsync(Connection, _lease, _chunk, stop)
            : await _body.WriteAsync(Connection, _lease, stop);
        switch (written)
        {
            case BodyWritten.Ready:
                return null;

            case BodyWritten.TurnOver:
                return TransactionEnd.TurnOver;

            case BodyWritten.Malformed:
                Settle(new Outcome.Bounced("the content has a line that does not end in CRLF", "5.6.0", DeliveryRules.Malformed));
                return TransactionEnd.Spoiled;

            case BodyWritten.ContentAway:
                Settle(new Outcome.Deferred("the rest of the content could not be read from the store", DeliveryRules.ContentAway));
                return TransactionEnd.Spoiled;

            default:
                await HearWhyAsync();
                return TransactionEnd.Spoiled;
        }
    }

    /// <summary>Lets the body go and hears what becomes of it. Should that throw, all are uncertain whose outcome was not heard.</summary>
    /// <param name="leads">Something rides behind it.</param>
    public async ValueTask<TransactionEnd> SendAsync(bool leads)
    {
        CrashPoints.Pass(CrashPoint.BeforeDot);
        try
        {
            return await LetGoAsync(leads);
        }
        catch
        {
            // A mistake of ours: the remote may have the message all the same.
            Settle(new Outcome.Uncertain("an error of ours stopped the attempt after the final dot"));
            throw;
        }
    }

    private async ValueTask<TransactionEnd> LetGoAsync(bool leads)
    {
        var handed = await Connection.HandOverAsync(_timeouts.DataBlock);

        // With something behind it the dot may have gone although the flight as a whole has not.
        if (handed == Handed.Nothing || (handed == Handed.Part && !leads))
        {
            await HearWhyAsync();
            return TransactionEnd.Spoiled;
        }

        CrashPoints.Pass(CrashPoint.AfterDot);
        Connection.Log.Listener = _turn;
        var reply = await Connection.ReadReplyAsync(_timeouts.EndOfData);
        CrashPoints.Pass(CrashPoint.AfterReply);
        if (IsByChunk && reply.IsOfCommand)
        {
            // It said that it takes chunks and does not know the command: no judgement of the message, which goes another way.
            return TransactionEnd.NeverBegan;
        }

        if (reply.IsLost || reply.IsIntermediate || (IsByChunk && reply.IsOfAddress))
        {
            Settle(new Outcome.Uncertain(reply.IsLost ? Connection.WhyLost : reply.Line()));
            return TransactionEnd.Spoiled;
        }

        Settle(Verdict.Of(reply, Connection, SmtpPhase.Content));
        if (!leads)
        {
            Connection.NeedsReset = IsByChunk && !reply.IsPositive;
        }

        return reply.IsGoodbye || handed != Handed.All ? TransactionEnd.Spoiled : TransactionEnd.Clean;
    }

    /// <summary>Writes envelope and content, to leave in one flight; asked for only where the message may end at this host.</summary>
    public void WriteWhole()
    {
        Begin().Write();
        Connection.Log.SaidContent(_turn, _chunk, IsByChunk);
        BodyWriter.WriteChunk(Connection.Output, _lease.Message.Content, _chunk);
    }

    /// <summary>Hears what became of a transaction that left as a whole. False when its replies do not fit, or are not all there.</summary>
    public async ValueTask<bool> HearWholeAsync()
    {
        if (await _envelope!.HearAsync() is not (EnvelopeStep.SendBody or EnvelopeStep.NothingToSend))
        {
            return false;
        }

        var isTaken = !Array.TrueForAll(_outcomes, o => o is not null);
        var reply = await Connection.ReadReplyAsync(_timeouts.EndOfData);
        CrashPoints.Pass(CrashPoint.AfterReply);
        if (reply.IsLost || reply.IsIntermediate || (reply.IsPositive && (!isTaken || reply.IsOfAddress)) || (isTaken && reply.IsOfCommand))
        {
            return false;
        }

        Settle(Verdict.Of(reply, Connection, SmtpPhase.Content));
        Connection.NeedsReset = !reply.IsPositive;
        return true;
    }

    /// <summary>Nobody knows what became of a transaction that left as a whole: whatever its replies seemed to say is forgotten.</summary>
    public void Doubt()
    {
        Array.Clear(_outcomes);
        Settle(new Outcome.Uncertain(Connection.IsLost ? Connection.WhyLost : "the remote's replies do not fit what it was asked"));
    }

    /// <summary>The remote has not taken the message. True when that counts as an attempt: nothing was said on the connection before.</summary>
    public bool TryGiveUp()
    {
        if (_isFirst)
        {
            Settle(new Outcome.Deferred(Connection.WhyLost, DeliveryRules.ConnectionLost));
        }

        return _isFirst;
    }

    /// <summary>It is over: what was said goes to the attempt where somebody may ask for it, and is forgotten here.</summary>
    public void EndDialogue(Attempt attempt, TranscriptKeeper transcripts)
    {
        if (IsOver)
        {
            return;
        }

        if (!IsDelivered || transcripts.IsSample())
        {
            if (Connection.IsLost)
            {
                Connection.Log.Note(_turn, Connection.WhyLost);
            }

            attempt.Overhear(Connection.Log.Tell(_turn, withGreeting: attempt.Dialogue is null));
        }

        Connection.Log.Forget(_turn);
    }

    /// <summary>Takes back an envelope that has left and that nobody wants any more. False when only the end of the connection does that.</summary>
    public async ValueTask<bool> WithdrawAsync()
    {
        var isWithdrawn = await TakeBackAsync();
        Connection.Log.Forget(_turn);
        return isWithdrawn;
    }

    private async ValueTask<bool> TakeBackAsync() => await _envelope!.HearAsync() switch
    {
        EnvelopeStep.SendBody when IsByChunk => await Connection.ResetAsync(_timeouts.Mail),

        // Behind 354 whatever came now would be taken as the message, an empty one by a lone dot.
        EnvelopeStep.SendBody => false,
        EnvelopeStep.SendLoneDot => await SendLoneDotAsync() == TransactionEnd.Clean,
        EnvelopeStep.NothingToSend => await Connection.ResetAsync(_timeouts.Mail),
        _ => false,
    };

    // Whether the replies were the ones to an envelope that rode. One reply too many before it would shift them all.
    private async ValueTask<bool> IsAnsweredAsync(EnvelopeStep step) => step switch
    {
        EnvelopeStep.OutOfStep => false,
        EnvelopeStep.Lost => Array.TrueForAll(_outcomes, o => o is not null),
        EnvelopeStep.NothingToSend => await Connection.ResetAsync(_timeouts.Mail),
        EnvelopeStep.SendBody => !IsByChunk || !Connection.HasBuffered,
        _ => true,
    };

    private EnvelopeDialogue Begin()
    {
        CrashPoints.Pass(CrashPoint.BeforeMail);
        Connection.Messages++;
        return _envelope!;
    }

    // What the remote said before it went away may be all that explains it.
    private async ValueTask HearWhyAsync()
    {
        Connection.Log.Listener = _turn;
        var last = await Connection.ReadReplyAsync(_timeouts.Data);
        Settle(last.IsTransient || last.IsPermanent ? Verdict.Of(last, Connection, SmtpPhase.Content)
            : last.IsLost ? new Outcome.Deferred(Connection.WhyLost, DeliveryRules.ConnectionLost)
            : new Outcome.Deferred("the remote answered before it had the whole message", DeliveryRules.Unexpected));
    }

    // The remote wants content although it took no recipient: an empty one to nobody ends that (RFC 2920, 3.1).
    private async ValueTask<TransactionEnd> SendLoneDotAsync()
    {
        ".\r\n"u8.CopyTo(Connection.Output.GetSpan(3));
        Connection.Output.Advance(3);
        return await Connection.FlushAsync(_timeouts.DataBlock) && !(await Connection.ReadReplyAsync(_timeouts.EndOfData)).IsLost
            ? TransactionEnd.Clean
            : TransactionEnd.Spoiled;
    }

    // For all that have none yet.
    private void Settle(Outcome outcome)
    {
        for (var i = 0; i < _outcomes.Length; i++)
        {
            _outcomes[i] ??= outcome;
        }
    }
}
