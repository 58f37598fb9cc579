using System.Collections.Concurrent;
using System.Net;
using Polly;
using Polly.CircuitBreaker;

namespace Relay.Delivery.Connections;

/// <summary>
/// One breaker for each address: when most connections to it fail, it is left alone for a while, so that the mail of a dead
/// host is deferred at once instead of waiting for one timeout after the other. One that says that it has enough for now is up.
/// </summary>
internal sealed class HostBreakers(TimeProvider time)
{
    private static readonly TimeSpan Sampling = TimeSpan.FromMinutes(1);

    // As long as the first retry: what was deferred by an open breaker finds it half open.
    private static readonly TimeSpan Break = TimeSpan.FromSeconds(30);

    // Fewer might be chance; more would be many timeouts.
    private const int Failures = 5;

    // Breakers of hosts that nobody asked for any more go when there are so many.
    private const int MaxKnown = 10_000;

    private readonly ConcurrentDictionary<IPEndPoint, ResiliencePipeline<Opened>> _breakers = new();

    // Under which names these addresses were reached.
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<IPEndPoint, bool>> _places = new(StringComparer.OrdinalIgnoreCase);

    public async ValueTask<Opened> OpenAsync(IPEndPoint place, string host, Func<ValueTask<Opened>> open)
    {
        var breaker = BreakerOf(place);
        _places.GetOrAdd(host, static _ => new()).TryAdd(place, true);
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false);
        try
        {
            var outcome = await breaker.ExecuteOutcomeAsync(
                static async (_, open) => Outcome.FromResult(await open()), context, open);
            return outcome.Exception switch
            {
                null => outcome.Result!,
                BrokenCircuitException => new Opened.Failed(
                    "the host failed several times in a row and is left alone for a moment", DeliveryRules.Unreachable, host, place.ToString()),
                var other => throw other,
            };
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    /// <summary>Forgets every failure of a host.</summary>
    public void Forget(string host)
    {
        if (_places.TryRemove(host, out var places))
        {
            foreach (var place in places.Keys)
            {
                _breakers.TryRemove(place, out _);
            }
        }
    }

    private ResiliencePipeline<Opened> BreakerOf(IPEndPoint place)
    {
        if (_breakers.TryGetValue(place, out var breaker))
        {
            return breaker;
        }

        if (_breakers.Count >= MaxKnown)
        {
            _breakers.Clear();
            _places.Clear();
        }

        return _breakers.GetOrAdd(place, _ => New());
    }

    private ResiliencePipeline<Opened> New() =>
        new ResiliencePipelineBuilder<Opened> { TimeProvider = time }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<Opened>
            {
                FailureRatio = 0.8,
                MinimumThroughput = Failures,
                SamplingDuration = Sampling,
                BreakDuration = Break,
                ShouldHandle = static args => ValueTask.FromResult(args.Outcome.Result is Opened.Failed { IsForMessage: false, IsTooMuch: false }),
            })
            .Build();
}
