namespace Relay.Intake.Smtp;

/// <summary>
/// How long one client may let us wait. The session notes whose turn it is, which costs a few writes; the
/// <see cref="PatienceWatch"/> reads that from outside, once a second, so no timer is set or cleared on the way of a message.
/// </summary>
internal sealed class Patience(DoorOptions limits, TimeProvider time, Action interrupt, Action abort)
{
    private enum Turn
    {
        /// <summary>We work; the client can do nothing wrong.</summary>
        Ours,
        Command,
        Content,
    }

    private readonly long _opened = time.GetTimestamp();
    private int _turn;
    private long _since;
    private long _waitedForContent;
    private long _contentOctets;
    private long _interruptedAt;
    private int _verdict;
    private volatile bool _stopping;

    /// <summary>Why the session was interrupted; <see cref="WireEnd.None"/> while it was not.</summary>
    public WireEnd Verdict => (WireEnd)Volatile.Read(ref _verdict);

    /// <summary>From now on, until <see cref="GoOn"/>, the client owes a command. False when the relay stops: this is the moment to part.</summary>
    public bool AwaitCommand()
    {
        Await(Turn.Command);
        if (_stopping)
        {
            Interrupt(WireEnd.Stopping);
        }

        return Verdict == WireEnd.None;
    }

    /// <summary>A content begins: the minimum rate counts from here.</summary>
    public void BeginContent() => (_waitedForContent, _contentOctets) = (0, 0);

    /// <summary>From now on, until <see cref="GoOn"/>, the client owes more of a content. A stop does not end that.</summary>
    public void AwaitContent() => Await(Turn.Content);

    /// <summary>The client did its part; it is our turn.</summary>
    public void GoOn(long contentOctets = 0)
    {
        if (_turn == (int)Turn.Content)
        {
            _waitedForContent += time.GetTimestamp() - _since;
            _contentOctets += contentOctets;
        }

        Volatile.Write(ref _turn, (int)Turn.Ours);
    }

    /// <summary>The relay stops: a session that waits for a command ends now, any other at its next command.</summary>
    public void Stop()
    {
        _stopping = true;
        // Whoever comes second sees the other: the session sets its turn before it looks whether we stop.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _turn) == (int)Turn.Command)
        {
            Interrupt(WireEnd.Stopping);
        }
    }

    /// <summary>Called by the watch, on its own thread.</summary>
    public void Judge()
    {
        var now = time.GetTimestamp();
        if (Verdict != WireEnd.None)
        {
            if (time.GetElapsedTime(Volatile.Read(ref _interruptedAt), now) > limits.FarewellTimeout)
            {
                abort();
            }
        }
        else if (Judge(now) is not WireEnd.None and var verdict)
        {
            Interrupt(verdict);
        }
    }

    private WireEnd Judge(long now)
    {
        var turn = (Turn)Volatile.Read(ref _turn);
        var waited = now - Volatile.Read(ref _since);

        return turn switch
        {
            Turn.Ours => WireEnd.None,
            _ when time.GetElapsedTime(_opened, now) > limits.SessionTimeout => WireEnd.TooLong,
            Turn.Command when Span(waited) > limits.IdleTimeout => WireEnd.Idle,
            Turn.Content when Span(waited + Volatile.Read(ref _waitedForContent)) > ContentTime() => WireEnd.TooSlow,
            _ => WireEnd.None,
        };
    }

    private TimeSpan ContentTime() =>
        limits.IdleTimeout + TimeSpan.FromSeconds((double)Volatile.Read(ref _contentOctets) / limits.MinBytesPerSecond);

    private TimeSpan Span(long ticks) => time.GetElapsedTime(0, ticks);

    private void Await(Turn turn)
    {
        Volatile.Write(ref _since, time.GetTimestamp());
        Interlocked.Exchange(ref _turn, (int)turn);
    }

    private void Interrupt(WireEnd verdict)
    {
        Volatile.Write(ref _interruptedAt, time.GetTimestamp());
        if (Interlocked.CompareExchange(ref _verdict, (int)verdict, (int)WireEnd.None) == (int)WireEnd.None)
        {
            interrupt();
        }
    }
}
