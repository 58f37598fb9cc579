namespace Relay.Delivery.Providers;

/// <summary>
/// Finds how many connections a receiver takes. It begins with few and adds one for each answer, so that a healthy receiver
/// has all it may have within a few round trips. When the receiver says that it is too much, or its answers grow slow, the
/// number is halved and comes back one by one, up to just below what was too much; whether more goes now is tried only after
/// a pause, which is longer each time that it does not. It has no clock: whoever tells it something says when.
/// </summary>
internal sealed class ConcurrencyTuner
{
    /// <summary>Connections to a receiver of which nothing is known.</summary>
    // One alone would make the second message of every small receiver wait for the first.
    public const int Start = 2;

    // After a cut, one more at a time and not faster than this: trouble that comes back needs some seconds to show.
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(15);

    private readonly LatencyWatch _latency = new();
    private bool _wasCut;
    private int _answers;
    private DateTimeOffset _steppedAt;

    // So many were too many, last we heard, and how many answers came since with as many or more.
    private int? _wall;
    private int _answersBeyond;
    private int _wallsInARow;

    private DateTimeOffset? _triesMoreAt;

    // The receiver wants no more than there are before then.
    private DateTimeOffset? _askedUntil;

    // What was under way at the last cut tells of the same trouble.
    private int _echoes;

    public int Limit { get; private set; } = Start;

    /// <summary>When more than now is tried again, where that waits for a time; null where it does not.</summary>
    public DateTimeOffset? TriesMoreAt => (_askedUntil ?? default) > (_triesMoreAt ?? default) ? _askedUntil : _triesMoreAt;

    /// <summary>What was heard at the last cut; null when it is made good.</summary>
    public string? Trouble { get; private set; }

    /// <summary>
    /// The receiver answered, whatever it answered. What is allowed stays within twice of what is open: connections that are
    /// still being made have yet to show whether there is a limit.
    /// </summary>
    /// <param name="connections">Open now.</param>
    /// <param name="isWanted">There would be work for more.</param>
    /// <param name="ceiling">No more than that.</param>
    /// <param name="took">From the end of the message to the answer; null where it says nothing, as with large messages.</param>
    public void Answered(int connections, bool isWanted, int ceiling, TimeSpan? took, DateTimeOffset now)
    {
        _echoes = Math.Max(0, _echoes - 1);
        if (took is { } answer && _latency.Grows(answer, connections))
        {
            Cut(connections, connections, "its answers take longer the more connections there are", now);
            return;
        }

        PassWall(connections);
        if (!isWanted || Limit >= ceiling || Limit >= connections * 2 || now < _askedUntil || (_wall <= Limit + 1 && now < _triesMoreAt))
        {
            return;
        }

        if (_wasCut && (++_answers < Limit || now - _steppedAt < Step))
        {
            return;
        }

        Limit++;
        (_answers, _steppedAt) = (0, now);
    }

    /// <summary>The receiver said that it is too much. True when there was but one connection: less is only none, for a while.</summary>
    /// <param name="connections">Open now, with the one that was refused.</param>
    /// <param name="underWay">How many connections and attempts to get one there are, of which each may say the same.</param>
    /// <param name="wait">How long it wants no more of them; null where it did not say.</param>
    public bool Refused(int connections, int underWay, string words, DateTimeOffset now, TimeSpan? wait = null)
    {
        _askedUntil = now + wait is { } until && !(until < _askedUntil) ? until : _askedUntil;
        if (_echoes > 0)
        {
            _echoes--;
            return false;
        }

        var wasOne = Limit == 1;
        Cut(connections, underWay, words, now);
        return wasOne;
    }

    /// <summary>Somebody knows better, or time has passed: begins as with a stranger, but one by one.</summary>
    public void Forget()
    {
        (_wall, _triesMoreAt, _askedUntil, Trouble, _wallsInARow, _echoes) = (null, null, null, null, 0, 0);
        Limit = Math.Max(Limit, Start);
    }

    private void Cut(int connections, int underWay, string words, DateTimeOffset now)
    {
        var level = Math.Clamp(connections, 1, Limit);
        Limit = Math.Max(1, level / 2);
        Trouble = words;
        _wasCut = true;
        (_answers, _steppedAt) = (0, now);
        _echoes = Math.Max(0, underWay - 1);

        _wall = Math.Max(2, level);
        _answersBeyond = 0;
        var pause = FirstPause * Math.Pow(2, _wallsInARow++);
        _triesMoreAt = now + (pause < LongestPause ? pause : LongestPause);
        _wallsInARow = Math.Min(_wallsInARow, 10);
    }

    // A round of answers with as many connections as were too many: they are not any more.
    private void PassWall(int connections)
    {
        if (_wall is not { } wall || connections < wall || ++_answersBeyond < wall)
        {
            return;
        }

        (_wall, _triesMoreAt, Trouble, _wallsInARow) = (null, null, null, 0);
    }
}
