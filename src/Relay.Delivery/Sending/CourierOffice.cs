using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Delivery.Sources;
using Relay.Delivery.Transcripts;
using Relay.Mail.Queue;

namespace Relay.Delivery.Sending;

/// <summary>What all couriers use alike, and the sites they are hired for.</summary>
internal sealed class CourierOffice(
    Connector connector,
    Settlements settlements,
    Settler settler,
    IMailQueue queue,
    IContentStore contents,
    FreshSuppressions fresh,
    Aftermath aftermath,
    NodePause pause,
    SourceAddresses sources,
    ChunkingHosts chunkingHosts,
    SevenBitCopies copies,
    TranscriptKeeper transcripts,
    DeliveryMetrics metrics,
    IOptions<DeliveryOptions> options,
    TimeProvider time,
    ILogger<Courier> logger)
{
    private readonly CancellationTokenSource _abort = new();
    private readonly BodyWriter _body = new(contents, queue, options.Value.Timeouts);

    public IMailQueue Queue { get; } = queue;
    public Connector Connector { get; } = connector;
    public Settlements Settlements { get; } = settlements;
    public Settler Settler { get; } = settler;
    public Aftermath Aftermath { get; } = aftermath;
    public NodePause Pause { get; } = pause;
    public ChunkingHosts ChunkingHosts { get; } = chunkingHosts;
    public TranscriptKeeper Transcripts { get; } = transcripts;
    public DeliveryMetrics Metrics { get; } = metrics;
    public DeliveryOptions Options { get; } = options.Value;
    public TimeProvider Time { get; } = time;
    public ILogger Logger { get; } = logger;

    /// <summary>Every connection ends when this is cancelled, wherever it stands.</summary>
    public CancellationToken Aborted => _abort.Token;

    public Site NewSite(RoutePlan plan, Standing standing, Action<Site> gone) =>
        new(plan, standing, site => _ = Task.Run(new Courier(site, this).RunAsync), gone);

    /// <summary>The next transaction of an attempt.</summary>
    public Transaction NewTransaction(SmtpConnection connection, Attempt attempt)
    {
        var (recipients, outcomes) = attempt.NextBatch(connection.Capabilities);
        return new Transaction(connection, attempt.Sent, recipients, outcomes, WayOf(connection, attempt), _body, Options.Timeouts);
    }

    /// <summary>Lets a content that this remote does not take be sent as a copy that it does. False when it cannot be read now.</summary>
    public async ValueTask<bool> TryFitAsync(SmtpConnection connection, Attempt attempt)
    {
        if (connection.Capabilities.EightBitMime || attempt.Lease.Message.Content is not { HasEightBit: true, HasEightBitHeader: false } || attempt.HasCopy)
        {
            return true;
        }

        try
        {
            attempt.Copy = await copies.MakeAsync(attempt.Lease.Message, Aborted);
            return true;
        }
        catch (StoreUnavailableException)
        {
            return false;
        }
    }

    /// <summary>Whether the attempt's mail may go over a connection to this site: it proves what is asked for, and comes from where it should.</summary>
    public bool Suits(SmtpConnection connection, RoutePlan plan, Attempt attempt) =>
        connection.Security.Satisfies(attempt.Demand, attempt.Domain) && connection.Offers(attempt.Demand) && !sources.IsUnwanted(plan, attempt.Domain, connection.From);

    /// <summary>Whether the message may end at this host from now on.</summary>
    public ValueTask<bool> MayEndAsync(SmtpConnection connection, Attempt attempt) => _body.MayEndAsync(connection, attempt.Lease, Aborted);

    /// <summary>Puts a unit back where any courier of the site may take it.</summary>
    public void GiveBack(Site site, HeldLease held)
    {
        if (!site.TryAdd(held))
        {
            Settler.Release(held);
        }
    }

    /// <summary>Whether an attempt of the unit may begin. Where it may not, the unit is settled or given back already.</summary>
    public bool MayBegin(HeldLease held)
    {
        if (RetrySchedule.IsTooLate(held.Lease.Message, Time.GetUtcNow()))
        {
            Settler.Settle(held, Settlements.Expired(held.Lease));
            return false;
        }

        if (fresh.HasChanged(held.Lease, held.LookedAt) || !Queue.TryBegin(held.Lease))
        {
            Settler.Release(held);
            return false;
        }

        return true;
    }

    /// <summary>Hands what the attempt came to on to the store, or gives the unit back where it was none. Once.</summary>
    public void Finish(Site site, Carriage carriage)
    {
        var (held, attempt) = (carriage.Held, carriage.Attempt);
        if (carriage.IsFinished)
        {
            return;
        }

        carriage.IsFinished = true;
        if (attempt.CountsAsNone || (Aborted.IsCancellationRequested && attempt.ChangedNothing))
        {
            Settler.Release(held);
            return;
        }

        // What it came to is told first of all: no mistake in what follows from it for others keeps it back.
        var settlement = attempt.ToSettlement(Settlements);
        Metrics.Attempted();
        try
        {
            Aftermath.Of(site, attempt);
        }
        finally
        {
            Settler.Settle(held, settlement);
        }

        if (attempt.ToTranscript(Time.GetUtcNow()) is { } transcript)
        {
            Transcripts.Keep(transcript);
        }
    }

    public void Abort() => _abort.Cancel();

    // A 250 to a chunk looks like a 250 to RCPT; only where each carries its enhanced code can they be told apart.
    private TransactionWay WayOf(SmtpConnection connection, Attempt attempt) =>
        attempt.IsCareful || !connection.Capabilities.Pipelining ? TransactionWay.StepByStep
        : connection.Capabilities is { Chunking: true, EnhancedStatusCodes: true } && !ChunkingHosts.HasFailed(connection.Place) ? TransactionWay.ByChunk
        : TransactionWay.Ahead;
}
