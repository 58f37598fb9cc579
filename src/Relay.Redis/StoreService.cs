using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Redis.Accounts;
using Relay.Redis.Activity;
using Relay.Redis.Administration;
using Relay.Redis.Connections;
using Relay.Redis.Durability;
using Relay.Redis.Embedded;
using Relay.Redis.Journal;
using Relay.Redis.Keys;
using Relay.Redis.Nodes;
using Relay.Redis.Queue;
using Relay.Redis.Repartition;
using Relay.Redis.Suppressions;
using Relay.Redis.Webhooks;
using StackExchange.Redis;

namespace Relay.Redis;

/// <summary>Opens the store before any other service starts, keeps its loops running, and closes it after all others have stopped.</summary>
internal sealed class StoreService(
    Store store, AcceptWriter accepts, SettleWriter settles, Canceller canceller, Refiller refiller, Projector projector, Ownership ownership,
    DotWriter dots, LocalJournal journal, KnownAttempts known, Wakes wakes, RedisSuspensions suspensions, AskWorker asks, Bell bell, SuppressionNews suppressions, Drain drain, AccountChanges accounts, WebhookDirectory webhooks,
    StoreWatch watch, StoreIdentity identity, IOptions<StoreOptions> options, TimeProvider time, ILoggerFactory loggers, IHostApplicationLifetime? lifetime = null)
    : IHostedLifecycleService, IAsyncDisposable
{
    private const int EmbeddedPartitions = 16;
    private const int ClusterPartitions = 64;

    // A store that starts together with the relay is there by then; if not, whoever started us tries again.
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly ILogger _logger = loggers.CreateLogger<StoreService>();
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Task> _loops = [];
    private DataDirectory? _directory;
    private EmbeddedStore? _embedded;
    private StoreConnections? _connections;
    private bool _disposed;

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        _directory = DataDirectory.Open(options.Value.DataDirectory);
        if (options.Value.IsEmbedded)
        {
            _embedded = EmbeddedStore.Start(_directory.Path, loggers);
        }

        _connections = await ConnectAsync(cancellationToken);
        var promise = await watch.ReadPromiseAsync(_connections);
        if (_embedded is not null)
        {
            await _embedded.CountOpeningAsync(_connections.Background);
        }
        else if (await identity.MeetAsync(_connections.Background, _directory.Path) is { } odd)
        {
            _logger.StoreWarning(odd);
        }

        var partitions = await AgreeOnPartitionsAsync(_connections);
        var drained = drain.Open(_directory.Path);
        var journalled = journal.Open(_directory.Path);
        store.Open(_connections, partitions, _directory.NodeId);
        if (!options.Value.IsEmbedded)
        {
            _connections.Changed += store.Doubt;
        }

        known.Begin([.. journalled.Where(entry => !drained.Contains(entry.Unit))]);

        Run(accepts.RunAsync, nameof(AcceptWriter));
        Run(canceller.RunAsync, nameof(Canceller));
        Run(watch.RunAsync, nameof(StoreWatch));

        // Before the first lease: what is suspended stays so over a restart.
        await suspensions.ReadAsync(cancellationToken);
        Run(suspensions.RunAsync, nameof(RedisSuspensions));
        Run(bell.RunAsync, nameof(Bell));
        Run(accounts.RunAsync, nameof(AccountChanges));
        if (options.Value.Delivers)
        {
            // Before the first partition is ours: what is known of its units already is settled as soon as it is.
            Run(settles.RunAsync, nameof(SettleWriter));
            Run(dots.RunAsync, nameof(DotWriter));
            Run(drain.RunAsync, nameof(Drain));
            Run(suppressions.RunAsync, nameof(SuppressionNews));

            // Before the first event is projected: it would not wait for those that nobody knows of.
            await webhooks.ReadAsync(cancellationToken);
            Run(webhooks.RunAsync, nameof(WebhookDirectory));
        }

        Run(wakes.RunAsync, nameof(Wakes));
        await ownership.ClaimAsync();
        Run(ownership.RunAsync, nameof(Ownership));
        if (options.Value.Delivers)
        {
            Run(refiller.RunAsync, nameof(Refiller));
            Run(asks.RunAsync, nameof(AskWorker));
            Run(projector.RunAsync, nameof(Projector));
        }

        _logger.StoreOpen(promise.Class, partitions, promise.Sentence);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // Doors and delivery end in StopAsync and need the store until then.
    public Task StoppedAsync(CancellationToken cancellationToken) => CloseAsync(release: true);

    // The container holds it under two names and so disposes of it twice.
    public async ValueTask DisposeAsync()
    {
        if (!Interlocked.Exchange(ref _disposed, true))
        {
            await CloseAsync(release: false);
            _stopping.Dispose();
        }
    }

    /// <summary>Closes everything; without a release as a killed process would leave it.</summary>
    internal async Task CloseAsync(bool release)
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _loops.Clear();
        if (release && store.IsOpen)
        {
            await ReleaseAsync();
        }

        drain.Dispose();
        store.Close();
        journal.Dispose();
        if (_connections is not null)
        {
            await _connections.DisposeAsync();
            _connections = null;
        }

        if (_embedded is not null)
        {
            await _embedded.DisposeAsync();
            _embedded = null;
        }

        _directory?.Dispose();
        _directory = null;
    }

    private async Task ReleaseAsync()
    {
        try
        {
            await ownership.ReleaseAsync();
        }
        catch (Exception e) when (StoreFailure.Covers(e))
        {
            // Then the leases end by themselves.
        }
    }

    private async Task<StoreConnections> ConnectAsync(CancellationToken cancellation)
    {
        var timeout = options.Value.Queue.AnswerTimeout;
        var configuration = _embedded is null
            ? StoreConnections.Configure(options.Value.Redis!, timeout, options.Value.RedisTls)
            : StoreConnections.Configure(_embedded.EndPoint, timeout);

        var address = string.Join(", ", configuration.EndPoints.Select(StoreGreeting.NameOf));
        var told = "";
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(StartTimeout);
        while (true)
        {
            try
            {
                return await StoreConnections.OpenAsync(configuration, deadline.Token);
            }
            catch (Exception e) when (StoreFailure.Covers(e))
            {
                // The innermost says why: refused, an unknown name.
                var reason = $"{StoreFailure.Of(e).Reason} ({e.GetBaseException().Message})";
                if (reason != told)
                {
                    _logger.StoreAwaited(address, reason);
                    told = reason;
                }

                await Task.Delay(TimeSpan.FromSeconds(1), time, deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new StoreRefusedException($"The store at {address} did not answer within {StartTimeout}. Is Relay:Redis right, and does it run? Last: {told}");
            }
        }
    }

    /// <summary>The number of partitions is decided once, when the store is made: ids and keys depend on it.</summary>
    private async Task<int> AgreeOnPartitionsAsync(StoreConnections connections)
    {
        var wanted = options.Value.Queue.Partitions;
        if (wanted is { } number && !int.IsPow2(number))
        {
            throw new StoreRefusedException($"Relay:Queue:Partitions is {number}; it must be a power of two");
        }

        var database = connections.Background;
        if (await database.HashExistsAsync(StoreKeys.Store, Repartitioner.NoteField, StoreConnections.FromPrimary).InTimeAsync())
        {
            throw new StoreRefusedException("The store is between two numbers of partitions: end the move with 'relay store repartition' first");
        }

        // Read first: a full store can be opened, but takes no write.
        var known = await database.HashGetAsync(StoreKeys.Store, Repartitioner.PartitionsField, StoreConnections.FromPrimary).InTimeAsync();
        if (known.IsNull)
        {
            await database.HashSetAsync(
                StoreKeys.Store, Repartitioner.PartitionsField, wanted ?? (connections.IsCluster ? ClusterPartitions : EmbeddedPartitions), When.NotExists).InTimeAsync();
            known = await database.HashGetAsync(StoreKeys.Store, Repartitioner.PartitionsField, StoreConnections.FromPrimary).InTimeAsync();
        }

        var made = (int)known;
        return wanted is null || wanted == made
            ? made
            : throw new StoreRefusedException(string.Create(
                CultureInfo.InvariantCulture, $"Relay:Queue:Partitions is {wanted} but the store has {made}; 'relay store repartition --partitions {wanted}' changes that"));
    }

    private void Run(Func<CancellationToken, Task> loop, string name) => _loops.Add(WatchedAsync(loop, name));

    private async Task WatchedAsync(Func<CancellationToken, Task> loop, string name)
    {
        try
        {
            await loop(_stopping.Token);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping is not an error.
        }
        catch (Exception e)
        {
            // A relay without one of its loops takes mail that it does not send: better to end and be started again.
            _logger.LoopEnded(name, e);
            lifetime?.StopApplication();
        }
    }
}
