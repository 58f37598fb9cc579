using Microsoft.Extensions.Logging;
using Relay.Delivery.Connections;
using Relay.Delivery.Providers;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// While this machine lacks something that every new connection needs, nobody tries to make one: the mail waits in its turn, and
/// neither an attempt nor a host is blamed for it. What is connected goes on. After each pause all may try, a longer one
/// following where none succeeds.
/// </summary>
internal sealed class NodePause(ProviderDirectory providers, DeliveryMetrics metrics, TimeProvider time, ILogger<NodePause> logger) : IDisposable
{
    // Connections end by the second, and with each of them there is room for another.
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);

    // As long as the first rest of a site: whoever plugs the cable in again should not have to wait for more.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ITimer? _timer;
    private TaskCompletionSource? _over;
    private OwnLack? _lack;
    private TimeSpan _length;
    private DateTimeOffset _until;
    private DateTimeOffset? _told;
    private DateTimeOffset? _toldOfPlace;
    private volatile bool _connected;
    private bool _stopped;

    public bool IsOn => Volatile.Read(ref _over) is not null;

    /// <summary>Why no connection is made now, for whoever has mail that waits for one; null when they are.</summary>
    public string? Words
    {
        get
        {
            lock (_lock)
            {
                return _over is null ? null : (_lack! with { Until = _until }).Waiting;
            }
        }
    }

    /// <summary>Nobody makes a connection for a while.</summary>
    public void Begin(OwnLack lack)
    {
        if (lack.Rule == DeliveryRules.NoSocket && !IsOn)
        {
            // What is kept warm for mail that may come gives way to mail that is there. First, so that a connection which becomes idle
            // in the pause stays for the mail that waits in it.
            foreach (var provider in providers.All)
            {
                provider.SendIdleHome();
            }
        }

        lock (_lock)
        {
            if (_stopped || _over is not null)
            {
                return;
            }

            _length = _connected || _length == default ? First : _length * 2 < Longest ? _length * 2 : Longest;
            (_connected, _lack, _until) = (false, lack, time.GetUtcNow() + _length);
            _over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _timer ??= time.CreateTimer(static pause => ((NodePause)pause!).End(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(_length, Timeout.InfiniteTimeSpan);
            if (!(_until - _told < Silence))
            {
                _told = _until;
                logger.NodePaused(lack.Words);
            }
        }

        metrics.Paused(lack.Rule);
    }

    public Task WaitAsync()
    {
        lock (_lock)
        {
            return _over?.Task ?? Task.CompletedTask;
        }
    }

    /// <summary>For whoever lacks something that others do not: they go on.</summary>
    public async Task WaitAloneAsync(OwnLack lack)
    {
        var now = time.GetUtcNow();
        metrics.Paused(lack.Rule);
        lock (_lock)
        {
            if (!(now - _toldOfPlace < Silence))
            {
                _toldOfPlace = now;
                logger.PlaceLeftAlone(lack.Words);
            }
        }

        await _ended.Task.WaitAsync(lack.Until - now is { } rest && rest > First ? rest : First, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>A connection was made: there is not enough for all, or the next trouble is a new one.</summary>
    public void Connected() => _connected = true;

    /// <summary>We are stopping: nobody waits any more.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _stopped = true;
        }

        _ended.TrySetResult();
        End();
    }

    public void Dispose() => _timer?.Dispose();

    private void End()
    {
        TaskCompletionSource? over;
        lock (_lock)
        {
            (over, _over) = (_over, null);
        }

        over?.SetResult();
    }
}
