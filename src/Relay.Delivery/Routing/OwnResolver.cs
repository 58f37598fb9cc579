using Relay.Delivery.Connections;

namespace Relay.Delivery.Routing;

/// <summary>
/// Tells a resolver of ours that is dead from a domain whose own servers are. When a question fails, names are asked for that nobody
/// has and so no cache knows: below the same top, below one that half of the world is below, and below a domain that was answered
/// lately, which is what a resolver without the world can still do. One answer shows that the trouble is the domain's own.
/// </summary>
/// <param name="answers">Whether anything is learned of a name, be it that it does not exist.</param>
internal sealed class OwnResolver(Func<string, Task<bool>> answers, TimeProvider time)
{
    private const string LargeTop = "com";

    // Many domains fail at any time: the servers of a top shall hear of that once a second. What fails within it counts as the domain's.
    private static readonly TimeSpan AliveFor = TimeSpan.FromSeconds(1);

    // As the node's other pauses: a restart of the resolver takes a second, and whoever mends it should not have to wait for more.
    private static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private Task<Finding>? _look;
    private TimeSpan _rest;
    private volatile string? _answered;
    private volatile string? _answeredBefore;

    /// <summary>Something was learned of a domain.</summary>
    public void Answered(string domain)
    {
        if (_answered is var last && last != domain)
        {
            (_answeredBefore, _answered) = (last, domain);
        }
    }

    /// <summary>What we lack when the question about a name failed; null where others are answered.</summary>
    public async ValueTask<OwnLack?> FindLackAsync(string failed)
    {
        Task<Finding> look;
        lock (_lock)
        {
            if (_look is null || (_look.IsCompletedSuccessfully && _look.Result.Until <= time.GetUtcNow()) || _look.IsFaulted)
            {
                _look = Task.Run(() => LookAsync(failed));
            }

            look = _look;
        }

        return (await look).Lack;
    }

    // One look at a time.
    private async Task<Finding> LookAsync(string failed)
    {
        string[] above = [TopOf(failed), LargeTop, .. new[] { _answered, _answeredBefore }.OfType<string>().Where(domain => !AreRelated(domain, failed))];
        var asked = above.Distinct().Select(domain => answers($"{Guid.NewGuid():n}.{domain}")).ToList();
        while (asked.Count > 0)
        {
            var answer = await Task.WhenAny(asked);
            asked.Remove(answer);
            if (await answer)
            {
                _rest = default;
                return new Finding(null, time.GetUtcNow() + AliveFor);
            }
        }

        _rest = _rest == default ? ShortestRest : _rest * 2 < LongestRest ? _rest * 2 : LongestRest;
        var until = time.GetUtcNow() + _rest;
        return new Finding(OwnLack.OfResolver(until), until);
    }

    private static string TopOf(string name) => name[(name.LastIndexOf('.') + 1)..];

    // Where one is dead the other may be for the same reason.
    private static bool AreRelated(string one, string other) =>
        one == other || one.EndsWith($".{other}", StringComparison.Ordinal) || other.EndsWith($".{one}", StringComparison.Ordinal);

    private sealed record Finding(OwnLack? Lack, DateTimeOffset Until);
}
