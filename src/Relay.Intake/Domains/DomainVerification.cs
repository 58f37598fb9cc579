using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>
/// What follows from a look into the DNS: a domain whose required records are all there is verified; one that was and is
/// no more is failing, and may be sent as for a grace time; a key that is seen for the first time signs from then on. Servers
/// that do not answer say nothing about a record, but for a day only: then it counts as gone, since nobody else finds it either.
/// That is so only as far as we can ask at all: where our own resolver is dead nothing counts against anybody.
/// </summary>
internal sealed partial class DomainVerification(
    IAccountStore accounts,
    DomainExaminer examiner,
    RecordList list,
    SendingDomains sending,
    KeySeal seal,
    IOptions<DomainOptions> options,
    TimeProvider time,
    ILogger<DomainVerification> logger)
{
    // Longer than an outage at a DNS provider that its people are at work on. The grace time begins behind it.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromDays(1);

    // What was silent for us so long ago is no part of a silence: between the two it may have answered, and we could not ask. A round
    // looks at a few silent domains of each account, and at all of them within hours.
    private static readonly TimeSpan LongestGap = LongestSilence / 2;

    /// <summary>Looks now.</summary>
    /// <returns>The domain as it stands after it; null when it was removed meanwhile.</returns>
    /// <exception cref="DomainRecordsUnavailableException">Of a required record nothing could be learned; since when is noted, and nothing else was changed.</exception>
    public async ValueTask<SendingDomain?> VerifyAsync(SendingDomain domain, CancellationToken cancellation)
    {
        var findings = await examiner.ExamineAsync(domain, cancellation);
        var required = list.Of(domain).Where(record => record.Required).Select(record => record.Name).ToHashSet();
        var unknown = findings.FirstOrDefault(finding => finding.State == RecordState.Unknown && required.Contains(finding.Name));
        var isSilent = unknown is not null;
        if (unknown is not null)
        {
            if (!await examiner.CanAskAsync(domain, cancellation))
            {
                throw new DomainRecordsUnavailableException("The resolver of this relay answers for no other name either, which says nothing about the domain");
            }

            domain = await NoteSilenceAsync(domain, cancellation) ?? domain;
            if (domain.Status == SendingDomainStatus.Pending || !(domain.SilentSince + LongestSilence <= time.GetUtcNow()))
            {
                throw new DomainRecordsUnavailableException(unknown.Advice);
            }
        }

        var isWhole = findings.All(finding => finding.State == RecordState.Verified || !required.Contains(finding.Name));
        var changed = await ChangeAsync(domain, known => Told(known, After(known, findings, isWhole, isSilent)), cancellation);
        Report(domain.Status, changed);
        return changed;
    }

    /// <summary>Makes the next keys, which take over once they are seen. Where such keys wait already they stay the next ones.</summary>
    /// <param name="revoke">The present keys may be known to others: they sign nothing from now on, and the new ones sign at once.</param>
    public ValueTask<SendingDomain?> RotateAsync(SendingDomain domain, bool revoke, CancellationToken cancellation)
    {
        // Made once, outside of what may run again.
        var now = time.GetUtcNow();
        var next = KeyPair.CreateBoth(domain, seal, now);
        return ChangeAsync(
            domain,
            known =>
            {
                IReadOnlyList<DkimKey> kept = revoke ? [.. known.Keys.Select(key => key with { PrivateKey = [], RetiredAt = key.RetiredAt ?? now })] : known.Keys;
                // Only RSA is required: an Ed25519 key whose record nobody published must not stand in the way for ever.
                var waits = kept.Any(key => key is { Algorithm: DkimAlgorithm.Rsa, SeenAt: null, RetiredAt: null });
                return (waits
                    ? known with { Keys = kept }
                    : known with { Keys = [.. kept.Where(key => key.SeenAt is not null || key.RetiredAt is not null), .. next] })
                    .With([.. revoke ? [new DomainEvent(now, DomainEventType.Revoked, Names(known.Keys))] : Array.Empty<DomainEvent>(), .. waits ? [] : new[] { new DomainEvent(now, DomainEventType.Rotated, Names(next)) }]);
            },
            cancellation);
    }

    // What a look has changed, as the domain's own account reads it.
    private SendingDomain Told(SendingDomain before, SendingDomain after)
    {
        var now = time.GetUtcNow();
        var told = new List<DomainEvent>();
        if (after.Status != before.Status)
        {
            told.Add(after.Status == SendingDomainStatus.Failing
                ? new DomainEvent(now, DomainEventType.Failing, $"It may be sent as until {now + options.Value.Grace:u}. {WrongIn(after)}")
                : new DomainEvent(now, DomainEventType.Verified, ""));
        }

        if (after.FailingSince + options.Value.Grace <= now && before.Events is not [.., { Type: DomainEventType.Stopped }])
        {
            told.Add(new DomainEvent(now, DomainEventType.Stopped, WrongIn(after)));
        }

        var waited = before.Keys.Where(key => key.SeenAt is null).Select(key => key.Selector).ToHashSet();
        var seen = after.Keys.Where(key => key.SeenAt is not null && waited.Contains(key.Selector)).ToList();
        if (seen.Count > 0)
        {
            told.Add(new DomainEvent(now, DomainEventType.Signing, Names(seen)));
        }

        return after.With(told);
    }

    private ValueTask<SendingDomain?> NoteSilenceAsync(SendingDomain domain, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        return ChangeAsync(
            domain, known => known with { SilentSince = known.SilentAt + LongestGap >= now ? known.SilentSince ?? now : now, SilentAt = now }, cancellation);
    }

    private static string Names(IEnumerable<DkimKey> keys) => string.Join(", ", keys.Select(key => key.Selector));

    private string WrongIn(SendingDomain domain)
    {
        var required = list.Of(domain).Where(record => record.Required).Select(record => record.Name).ToHashSet();
        return string.Join(" ", domain.Findings.Where(finding => finding.State != RecordState.Verified && required.Contains(finding.Name)).Select(finding => finding.Advice));
    }

    private async ValueTask<SendingDomain?> ChangeAsync(SendingDomain domain, Func<SendingDomain, SendingDomain> change, CancellationToken cancellation)
    {
        var changed = await accounts.ChangeDomainAsync(domain.Account, domain.Name, change, cancellation);
        sending.Forget(domain.Account, domain.Name);
        return changed;
    }

    private SendingDomain After(SendingDomain known, IReadOnlyList<RecordFinding> findings, bool isWhole, bool isSilent)
    {
        var now = time.GetUtcNow();
        var seen = findings.Where(finding => finding.State == RecordState.Verified).Select(finding => finding.Name).ToHashSet();
        var status = isWhole ? SendingDomainStatus.Verified
            : known.Status == SendingDomainStatus.Pending ? SendingDomainStatus.Pending
            : SendingDomainStatus.Failing;
        return known with
        {
            Status = status,
            CheckedAt = now,
            FailingSince = status == SendingDomainStatus.Failing ? known.FailingSince ?? now : null,
            SilentSince = isSilent ? known.SilentSince ?? now : null,
            SilentAt = isSilent ? now : null,
            Findings = findings,
            Keys = Retire(
                [.. known.Keys.Select(key => key.SeenAt is null && seen.Contains($"{key.Selector}._domainkey.{known.Name}") ? key with { SeenAt = now } : key)],
                now),
        };
    }

    // A newer key of its kind that can be found takes a key's place; long after that it goes.
    private IReadOnlyList<DkimKey> Retire(IReadOnlyList<DkimKey> keys, DateTimeOffset now) =>
    [
        .. keys
            .Select((key, index) => keys.Skip(index + 1).Any(newer => newer.Algorithm == key.Algorithm && newer is { SeenAt: not null, RetiredAt: null })
                ? key with { RetiredAt = key.RetiredAt ?? now }
                : key)
            .Where(key => !(key.RetiredAt + options.Value.RetiredKeysStay < now)),
    ];

    private void Report(SendingDomainStatus before, SendingDomain? after)
    {
        if (after is { Status: SendingDomainStatus.Failing, FailingSince: { } since })
        {
            var wrong = string.Join(" ", after.Findings.Where(finding => finding.State != RecordState.Verified).Select(finding => finding.Advice));
            LogFailing(after.Name, after.Account, since + options.Value.Grace, wrong);
        }
        else if (after is not null && after.Status != before)
        {
            LogStatus(after.Name, after.Account, after.Status);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Domain {Domain} of account {Account} is failing; it may be sent as until {Until}: {Advice}")]
    private partial void LogFailing(string domain, string account, DateTimeOffset until, string advice);

    [LoggerMessage(Level = LogLevel.Information, Message = "Domain {Domain} of account {Account} is {Status}")]
    private partial void LogStatus(string domain, string account, SendingDomainStatus status);
}
