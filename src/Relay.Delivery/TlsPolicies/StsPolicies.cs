using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Mail.Policies;
using Relay.Mail.Queue;

namespace Relay.Delivery.TlsPolicies;

/// <summary>
/// The MTA-STS policy of each domain (RFC 8461, 5). A policy once had holds for its max_age whatever happens to the record
/// or the server behind it: an attacker who can hide both must not be able to make us forget it. It is had anew when the
/// record's id changes, and once a day, so that it never runs out while its server can be reached.
/// </summary>
internal sealed class StsPolicies(
    Resolver resolver, StsFetcher fetcher, IStsPolicyStore store, IOptions<DeliveryOptions> options, TimeProvider time, ILogger<StsPolicies> logger)
{
    // RFC 8461, 3.3: after a failed fetch the next one waits; five minutes is what it suggests.
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMinutes(5);

    // RFC 8461, 3.3: long before the end of most policies, which last weeks.
    private static readonly TimeSpan RenewedAfter = TimeSpan.FromDays(1);

    // Most domains have no policy, and one that is new need not be obeyed within the minute.
    private static readonly TimeSpan Absent = TimeSpan.FromMinutes(15);

    private readonly DnsCache<StsFinding> _findings = new(time);
    private readonly ConcurrentDictionary<string, bool> _renewing = new(StringComparer.Ordinal);

    /// <summary>What is known of a domain's policy, and until when there is no need to ask again.</summary>
    public ValueTask<DnsAnswer<StsFinding>> FindAsync(string domain, CancellationToken cancellation) =>
        options.Value.Tls.MtaSts
            ? _findings.GetAsync(domain, AskAsync, cancellation)
            : ValueTask.FromResult(Answer(StsFinding.Nothing, DateTimeOffset.MaxValue));

    /// <summary>What was found last, without asking; null when nobody has asked.</summary>
    public StsFinding? Known(string domain) => _findings.Peek(domain)?.Records[0];

    /// <summary>The next to ask looks at the record again.</summary>
    public void Forget(string domain)
    {
        resolver.Forget(StsRecord.NameFor(domain));
        _findings.Forget(domain);
    }

    private async Task<DnsAnswer<StsFinding>> AskAsync(string domain)
    {
        var record = await resolver.TextAsync(StsRecord.NameFor(domain), CancellationToken.None);
        var kept = await KeptAsync(domain);
        var known = kept is null ? null : StsPolicy.Parse(kept.Text, out _);
        if (record.Finding == DnsFinding.Failed || StsRecord.IdIn(record.Records) is not { } id)
        {
            // Whether it was taken back or is hidden from us cannot be told: what is kept holds.
            return Answer(known is null ? StsFinding.Nothing : new StsFinding(known), time.GetUtcNow() + (record.Finding == DnsFinding.Failed ? AfterFailure : Absent));
        }

        if (known is not null && id == kept!.Id)
        {
            if (time.GetUtcNow() - kept.FetchedAt > RenewedAfter)
            {
                _ = RenewAsync(domain, id);
            }

            return Answer(new StsFinding(known), record.Until);
        }

        var fetched = await FetchAsync(domain, id);
        return fetched.Policy is { } policy
            ? Answer(new StsFinding(policy), record.Until)
            : Answer(new StsFinding(known, fetched.Trouble, fetched.Words), time.GetUtcNow() + AfterFailure);
    }

    // Nobody waits for it: what is kept holds meanwhile, and afterwards too if it fails.
    private async Task RenewAsync(string domain, string id)
    {
        if (!_renewing.TryAdd(domain, true))
        {
            return;
        }

        try
        {
            await FetchAsync(domain, id);
            _findings.Forget(domain);
        }
        finally
        {
            _renewing.TryRemove(domain, out _);
        }
    }

    private async Task<StsFetched> FetchAsync(string domain, string id)
    {
        var fetched = await fetcher.FetchAsync(domain, CancellationToken.None);
        if (fetched.Policy is not { } policy)
        {
            logger.StsNotFetched(domain, fetched.Words);
            return fetched;
        }

        var now = time.GetUtcNow();
        try
        {
            await store.KeepAsync(domain, new KeptStsPolicy(id, policy.Text, now, now + policy.MaxAge), CancellationToken.None);
        }
        catch (StoreUnavailableException)
        {
            // It holds here for as long as the record's answer does, and is then fetched again.
        }

        return fetched;
    }

    private async Task<KeptStsPolicy?> KeptAsync(string domain)
    {
        try
        {
            return await store.FindAsync(domain, CancellationToken.None) is { } kept && kept.Until > time.GetUtcNow() ? kept : null;
        }
        catch (StoreUnavailableException)
        {
            return null;
        }
    }

    private static DnsAnswer<StsFinding> Answer(StsFinding finding, DateTimeOffset until) => new(DnsFinding.Found, [finding], "", until);
}
