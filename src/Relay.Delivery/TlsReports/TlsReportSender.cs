using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Mail.Messages;
using Relay.Mail.Policies;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Delivery.TlsReports;

/// <summary>
/// Sends each domain that asks for it the report on yesterday, once, whichever node comes first. Reports leave over four
/// hours after midnight, so that whoever gets one from each relay does not get all at once (RFC 8460, 4.1); what cannot be
/// handed in is tried again for a day.
/// </summary>
internal sealed class TlsReportSender(
    ITlsReportStore store,
    Resolver resolver,
    TlsReportAuthor author,
    TlsReportPost post,
    IOwnMail mail,
    IOptions<DeliveryOptions> options,
    TimeProvider time,
    ILogger<TlsReportSender> logger) : BackgroundService
{
    // Every node has written its last minute of the day by then.
    private static readonly TimeSpan FirstAfterMidnight = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan Spread = TimeSpan.FromHours(3.5);
    private static readonly TimeSpan GivenUpAfter = TimeSpan.FromHours(24);
    private static readonly TimeSpan LooksEvery = TimeSpan.FromMinutes(10);

    // Longer than all the places of one report can take; a node that died with it is followed by the next look of another.
    private static readonly TimeSpan TakenFor = TimeSpan.FromMinutes(9);

    /// <summary>Sends what is due.</summary>
    public async Task SendDueAsync(CancellationToken cancellation)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        for (var day = today.AddDays(-2); day < today; day = day.AddDays(1))
        {
            foreach (var domain in await store.FindDomainsAsync(day, cancellation))
            {
                if (DueAt(day, domain) <= time.GetUtcNow() && await store.TryTakeAsync(day, domain, TakenFor, cancellation) is { } counted)
                {
                    await SendSafelyAsync(day, domain, counted, cancellation);
                }
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Tls.Reports.Enabled || !author.HasName)
        {
            return;
        }

        using var timer = new PeriodicTimer(LooksEvery, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await SendDueAsync(stoppingToken);
            }
            catch (StoreUnavailableException e)
            {
                logger.TlsReportsPutOff(e.Message);
            }
        }
    }

    // One domain's report must not keep the others from theirs.
    private async Task SendSafelyAsync(DateOnly day, string domain, TlsDay counted, CancellationToken cancellation)
    {
        try
        {
            await SendAsync(day, domain, counted, cancellation);
        }
        catch (Exception e) when (e is not (OperationCanceledException or StoreUnavailableException))
        {
            logger.TlsReportFailed(domain, e);
        }
    }

    private async Task SendAsync(DateOnly day, string domain, TlsDay counted, CancellationToken cancellation)
    {
        var isLast = time.GetUtcNow() >= DueAt(day, domain) + GivenUpAfter;
        var record = await resolver.TextAsync(TlsReportRecord.NameFor(domain), cancellation);
        if (record.Finding == DnsFinding.Failed && !isLast)
        {
            return;
        }

        var report = author.Write(day, domain, counted);
        var file = report.ToGzip();
        var failed = false;
        foreach (var place in TlsReportRecord.PlacesIn(record.Records).Where(place => !counted.SentTo.Contains(place.AbsoluteUri)))
        {
            if (await SendAsync(report, domain, place, file, cancellation) is { } trouble)
            {
                failed = true;
                logger.TlsReportNotSent(domain, place, trouble);
            }
            else
            {
                await store.NoteSentAsync(day, domain, place.AbsoluteUri, cancellation);
                logger.TlsReportSent(domain, place, day);
            }
        }

        if (!failed || isLast)
        {
            await store.EndAsync(day, domain, cancellation);
        }
    }

    // Null when it was taken.
    private async Task<string?> SendAsync(TlsReport report, string domain, Uri place, byte[] file, CancellationToken cancellation)
    {
        if (place.Scheme == "https")
        {
            return await post.SendAsync(place, file, cancellation);
        }

        var address = Uri.UnescapeDataString(place.AbsoluteUri["mailto:".Length..].Split('?')[0]);
        return !EnvelopeAddress.TryParse(address, out var to, out var problem) ? problem
            : await mail.TrySendAsync(author.Letter(report, domain, to, file, time.GetUtcNow()), cancellation) ? null
            : "the queue did not take it";
    }

    // The same on each node (FNV-1a).
    private static DateTimeOffset DueAt(DateOnly day, string domain)
    {
        var hash = 2166136261u;
        foreach (var c in domain)
        {
            hash = (hash ^ c) * 16777619;
        }

        return new DateTimeOffset(day.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero) + FirstAfterMidnight + (Spread * (hash / (double)uint.MaxValue));
    }
}
