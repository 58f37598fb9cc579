using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Mail.Policies;
using Relay.Mail.Queue;

namespace Relay.Delivery.TlsReports;

/// <summary>
/// Counts how sessions went, domain by domain and day by day (UTC), and writes the totals to the store every minute and at
/// the stop: what a killed process counted in its last minute is missing from the report, nothing is there twice.
/// </summary>
internal sealed class TlsTally(
    ITlsReportStore store, Resolver resolver, IOptions<DeliveryOptions> options, TimeProvider time, ILogger<TlsTally> logger) : BackgroundService
{
    private static readonly TimeSpan WrittenEvery = TimeSpan.FromMinutes(1);

    // Some tens of megabytes; what comes beyond is not reported that day.
    private const int MaxDomains = 20_000;
    private const int LookUpsAtOnce = 16;

    private readonly string _source = Guid.NewGuid().ToString("n");
    private readonly Lock _lock = new();
    private readonly Dictionary<(DateOnly Day, string Domain), DomainTally> _tallies = [];
    private readonly SemaphoreSlim _writing = new(1);

    /// <param name="failure">Null for a session that went well.</param>
    public void Count(string domain, ReportedPolicy policy, ReportedFailure? failure)
    {
        if (!options.Value.Tls.Reports.Enabled)
        {
            return;
        }

        var key = (DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), domain);
        lock (_lock)
        {
            if (!_tallies.TryGetValue(key, out var tally))
            {
                if (_tallies.Count >= MaxDomains)
                {
                    return;
                }

                _tallies[key] = tally = new DomainTally();
            }

            if (tally.IsWanted != false)
            {
                tally.Count(policy, failure);
            }
        }
    }

    /// <summary>Writes what has changed since it was last written.</summary>
    public async Task WriteAsync(CancellationToken cancellation)
    {
        await _writing.WaitAsync(cancellation);
        try
        {
            await Parallel.ForEachAsync(
                Changed(), new ParallelOptions { MaxDegreeOfParallelism = LookUpsAtOnce, CancellationToken = cancellation }, WriteAsync);
        }
        finally
        {
            _writing.Release();
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await WriteAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The stop has no more time; a minute of counting is lost.
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(WrittenEvery, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await WriteAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Counting is not worth the process.
                logger.TlsTotalsFailed(e);
            }
        }
    }

    private List<((DateOnly Day, string Domain) Key, DomainTally Tally)> Changed()
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        lock (_lock)
        {
            foreach (var (key, tally) in _tallies)
            {
                if (key.Day < today && !tally.IsDirty)
                {
                    _tallies.Remove(key);
                }
            }

            return [.. _tallies.Where(t => t.Value.IsDirty).Select(t => (t.Key, t.Value))];
        }
    }

    private async ValueTask WriteAsync(((DateOnly Day, string Domain) Key, DomainTally Tally) changed, CancellationToken cancellation)
    {
        var ((day, domain), tally) = changed;
        if (tally.IsWanted is null && !await IsWantedAsync(domain, tally, cancellation))
        {
            return;
        }

        IReadOnlyList<TlsPolicyTotals> totals;
        lock (_lock)
        {
            totals = tally.Totals();
            tally.IsDirty = false;
        }

        try
        {
            await store.WriteAsync(day, domain, _source, totals, cancellation);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            lock (_lock)
            {
                tally.IsDirty = true;
            }

            if (e is StoreUnavailableException)
            {
                logger.TlsTotalsNotWritten(domain, e.Message);
            }
        }
    }

    // False also where nobody can say now: it is asked again the next time.
    private async Task<bool> IsWantedAsync(string domain, DomainTally tally, CancellationToken cancellation)
    {
        var record = await resolver.TextAsync(TlsReportRecord.NameFor(domain), cancellation);
        if (record.Finding == DnsFinding.Failed)
        {
            return false;
        }

        lock (_lock)
        {
            tally.IsWanted = TlsReportRecord.PlacesIn(record.Records).Count > 0;
            tally.IsDirty &= tally.IsWanted.Value;
            return tally.IsWanted.Value;
        }
    }
}
