using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using Relay.Mail.Queue;
using Relay.Redis.Connections;

namespace Relay.Redis.Queue;

/// <summary>Tries a step again until the store has done it: an outcome must not be lost because the store was away.</summary>
internal sealed class StoreRetry
{
    /// <summary>How often an aborted step is repeated without a pause.</summary>
    public const int AbortsAtOnce = 10;

    private readonly ResiliencePipeline _pipeline;

    public StoreRetry(TimeProvider time, ILogger<StoreRetry> logger)
    {
        _pipeline = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<Exception>(e =>
                    StoreFailure.Covers(e) || e is StepNotDoneException or StoreUnavailableException or IOException),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,

                // A store that restarts is back within a second; one that is gone is not asked more than every two.
                Delay = TimeSpan.FromMilliseconds(50),
                MaxDelay = TimeSpan.FromSeconds(2),

                // An abort tells nothing about the store: a watched key was touched, and on the embedded store a stranger to
                // it may count as a touch. A few tries at once get through.
                DelayGenerator = retry => ValueTask.FromResult<TimeSpan?>(
                    retry.Outcome.Exception is StepNotDoneException && retry.AttemptNumber < AbortsAtOnce ? TimeSpan.Zero : null),
                OnRetry = retry =>
                {
                    if (retry.Outcome.Exception is not StepNotDoneException || retry.AttemptNumber >= AbortsAtOnce)
                    {
                        logger.StepRetried(retry.AttemptNumber, retry.Outcome.Exception is { } e and not StepNotDoneException ? StoreFailure.Of(e).Reason : "the step was aborted");
                    }

                    return ValueTask.CompletedTask;
                },
            })
            .Build();
    }

    public async Task ExecuteAsync(Func<CancellationToken, Task> step, CancellationToken cancellation) =>
        await _pipeline.ExecuteAsync(async token => await step(token), cancellation);
}

/// <summary>EXEC did nothing, though no error was told: a condition did not hold, or a watched key changed.</summary>
internal sealed class StepNotDoneException : Exception;
