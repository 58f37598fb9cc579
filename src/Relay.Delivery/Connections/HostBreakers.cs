using System.Collections.Concurrent;
using System.Net;
using Polly;
using Polly.CircuitBreaker;

namespace Relay.Delivery.Connections;

/// <summary>
/// One breaker for each address, as it is seen from each of ours: when most connections to it fail, it is left alone for a
/// while, so that the mail of a dead host is deferred at once instead of waiting for one timeout after the other. One that says
/// that it has enough for now is up, and so is one that takes no login, or proves too little, for some of the mail.
/// </summary>
internal sealed class HostBreakers(TimeProvider time)
{
    private static readonly TimeSpan Sampling = TimeSpan.FromMinutes(1);

    // As long as the first retry: what was deferred by an open breaker finds it half open.
    private static readonly TimeSpan Break = TimeSpan.FromSeconds(30);

    // Fewer might be chance; more would be many timeouts.
    private const int Failures = 5;

    // All is forgotten when there is so much of it, and found out anew.
    private const int MaxKnown = 10_000;

    private readonly ConcurrentDictionary<Way, ResiliencePipeline<Opened>> _breakers = new();

    // Under which names those were reached that failed. Their number has no bound of its own: each customer of a large provider
    // may have a name for the same few addresses.
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<Way, bool>> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Names of hosts under which an address has failed.</summary>
    public int Names => _names.Count;

    /// <param name="source">Of ours; null where the system chooses.</param>
    public async ValueTask<Opened> OpenAsync(IPEndPoint place, IPAddress? source, string host, Func<ValueTask<Opened>> open)
    {
        var way = new Way(place, source);
        var breaker = BreakerOf(way);
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false);
        try
        {
            var outcome = await breaker.ExecuteOutcomeAsync(
                static async (_, open) => Outcome.FromResult(await open()), context, open);
            var opened = outcome.Exception switch
            {
                null => outcome.Result!,
                BrokenCircuitException => new Opened.Failed(
                    "the host failed several times in a row and is left alone for a moment", DeliveryRules.Unreachable, host, place.ToString()),
                var other => throw other,
            };
            if (IsOfHost(opened))
            {
                Note(host, way);
            }

            return opened;
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    /// <summary>Forgets every failure of a host.</summary>
    public void Forget(string host)
    {
        if (_names.TryRemove(host, out var ways))
        {
            foreach (var way in ways.Keys)
            {
                _breakers.TryRemove(way, out _);
            }
        }
    }

    private static bool IsOfHost(Opened? opened) => opened is Opened.Failed { IsForMessage: false, IsForSite: false, IsTooMuch: false };

    private ResiliencePipeline<Opened> BreakerOf(Way way)
    {
        if (_breakers.TryGetValue(way, out var breaker))
        {
            return breaker;
        }

        MakeRoom(_breakers.Count);
        return _breakers.GetOrAdd(way, _ => New());
    }

    private void Note(string host, Way way)
    {
        if (!_names.TryGetValue(host, out var ways))
        {
            MakeRoom(_names.Count);
            ways = _names.GetOrAdd(host, static _ => new());
        }

        ways.TryAdd(way, true);
    }

    // Together, so that no breaker stands whose name is forgotten.
    private void MakeRoom(int known)
    {
        if (known >= MaxKnown)
        {
            _breakers.Clear();
            _names.Clear();
        }
    }

    private ResiliencePipeline<Opened> New() =>
        new ResiliencePipelineBuilder<Opened> { TimeProvider = time }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<Opened>
            {
                FailureRatio = 0.8,
                MinimumThroughput = Failures,
                SamplingDuration = Sampling,
                BreakDuration = Break,
                ShouldHandle = static args => ValueTask.FromResult(IsOfHost(args.Outcome.Result)),
            })
            .Build();

    private readonly record struct Way(IPEndPoint Place, IPAddress? Source);
}
