using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Mail.Queue;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>
/// Looks at all domains again and again, so that a new one is verified without anybody asking and a record that has
/// vanished is noticed before mail stops. Two nodes may look at the same time; that does no harm.
/// </summary>
internal sealed partial class DomainWatch(
    IAccountStore accounts, DomainVerification verification, IOptions<DomainOptions> options, TimeProvider time, ILogger<DomainWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Round = TimeSpan.FromMinutes(10);

    // A look waits for name servers that the account has chosen, up to twenty seconds for silent ones. So accounts are looked at
    // beside each other, and what one has no time left for comes first in the next round.
    private const int AccountsAtOnce = 16;
    private static readonly TimeSpan Share = TimeSpan.FromMinutes(2);

    // The last domain that was looked at, by account.
    private readonly ConcurrentDictionary<string, string> _places = new();

    // Someone is at work on it: soon. After a week nobody waits for it any more.
    private static readonly TimeSpan Soon = TimeSpan.FromHours(1);
    private static readonly TimeSpan Awaited = TimeSpan.FromDays(7);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Round, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await LookAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>One round over the domains that are due.</summary>
    internal async Task LookAsync(CancellationToken cancellation)
    {
        try
        {
            var beside = new ParallelOptions { MaxDegreeOfParallelism = AccountsAtOnce, CancellationToken = cancellation };
            await Parallel.ForEachAsync(await accounts.ListAccountsAsync(cancellation), beside, LookAsync);
        }
        catch (StoreUnavailableException exception)
        {
            LogStoreUnavailable(exception);
        }
    }

    private async ValueTask LookAsync(Account account, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        var place = _places.GetValueOrDefault(account.Id, "");
        var domains = await accounts.ListDomainsAsync(account.Id, cancellation);
        foreach (var domain in domains.OrderBy(domain => string.CompareOrdinal(domain.Name, place) <= 0).ThenBy(domain => domain.Name, StringComparer.Ordinal))
        {
            if (time.GetElapsedTime(began) >= Share)
            {
                return;
            }

            await LookAsync(domain, cancellation);
            _places[account.Id] = domain.Name;
        }
    }

    private async ValueTask LookAsync(SendingDomain domain, CancellationToken cancellation)
    {
        try
        {
            if (IsOld(domain))
            {
                await verification.RotateAsync(domain, revoke: false, cancellation);
                LogRotated(domain.Name, domain.Account);
            }

            if (IsDue(domain))
            {
                await verification.VerifyAsync(domain, cancellation);
            }
        }
        catch (DomainRecordsUnavailableException exception)
        {
            LogNoAnswer(domain.Name, exception.Message);
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or StoreUnavailableException))
        {
            // Its names and records are others' to choose: whatever they lead to, the other domains are looked at.
            LogFailed(exception, domain.Name);
        }
    }

    private bool IsDue(SendingDomain domain)
    {
        var now = time.GetUtcNow();
        var awaited = domain.Keys.Any(key => key is { SeenAt: null, RetiredAt: null } && key.CreatedAt + Awaited > now);
        var interval = domain.Status switch
        {
            SendingDomainStatus.Pending when domain.CreatedAt + Awaited > now => TimeSpan.Zero,
            SendingDomainStatus.Failing => Soon,
            _ when awaited => Soon,
            _ => options.Value.CheckInterval,
        };
        return domain.CheckedAt is not { } last || last + interval <= now;
    }

    // By the key whose record is required: one that is only recommended may never be published again, and stay old for good.
    private bool IsOld(SendingDomain domain) =>
        options.Value.RotateAfter > TimeSpan.Zero
        && domain.Status == SendingDomainStatus.Verified
        && domain.SigningKeys().Any(key => key.Algorithm == DkimAlgorithm.Rsa && key.CreatedAt + options.Value.RotateAfter < time.GetUtcNow())
        && !domain.Keys.Any(key => key is { Algorithm: DkimAlgorithm.Rsa, SeenAt: null, RetiredAt: null });

    [LoggerMessage(Level = LogLevel.Information, Message = "Nothing could be learned of {Domain}: {Reason}")]
    private partial void LogNoAnswer(string domain, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Looking at {Domain} failed")]
    private partial void LogFailed(Exception exception, string domain);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys of {Domain} of account {Account} have come of age: new ones wait for their records to be published")]
    private partial void LogRotated(string domain, string account);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The store did not answer when domains were to be looked at")]
    private partial void LogStoreUnavailable(StoreUnavailableException exception);
}
