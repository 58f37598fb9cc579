using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;

namespace Relay.Intake.Limits;

/// <summary>Holds accounts and keys to what they may send in a day and a month. Where neither has a quota nothing is asked and nothing kept.</summary>
internal sealed class Quotas
{
    // Some hundred octets each. Beyond it all are looked up anew.
    private const int MaxMeters = 50_000;

    private readonly IUsageReader _usage;
    private readonly IAccountStore _accounts;
    private readonly TimeProvider _time;
    private readonly SendingLimits _forAll;
    private readonly ShortCache<string, SendingLimits> _limits;
    private readonly ConcurrentDictionary<(string Account, string? Credential), QuotaMeter> _meters = new();

    public Quotas(IUsageReader usage, IAccountStore accounts, IOptions<LimitOptions> options, TimeProvider time)
    {
        _usage = usage;
        _accounts = accounts;
        _time = time;
        _forAll = options.Value.ForAll;
        _limits = new ShortCache<string, SendingLimits>(time, TimeSpan.FromSeconds(10), capacity: 20_000);
        accounts.Changed += part =>
        {
            if (part == AccountPart.Accounts)
            {
                _limits.Clear();
            }
        };
    }

    /// <summary>What holds for an account now.</summary>
    public async ValueTask<SendingLimits> LimitsOfAsync(string account, CancellationToken cancellation)
    {
        if (_limits.TryGet(account, out var limits))
        {
            return limits;
        }

        var version = _limits.Version;
        limits = (await _accounts.FindAccountAsync(account, cancellation))?.Limits ?? _forAll;
        _limits.Remember(account, limits, version);
        return limits;
    }

    /// <summary>Takes so many recipients from the quotas of an account and a key, from both or from none.</summary>
    public async ValueTask<(QuotaExceeded? Exceeded, QuotaTaken Taken)> TryTakeAsync(Credential credential, int recipients, CancellationToken cancellation)
    {
        var limits = await LimitsOfAsync(credential.Account, cancellation);
        var account = limits.HasQuota ? MeterOf(credential.Account, null) : null;
        if (account is not null && await account.TryTakeAsync(limits, recipients, cancellation) is { } spent)
        {
            return (spent, default);
        }

        var key = credential.Limits is { HasQuota: true } ? MeterOf(credential.Account, credential.Id) : null;
        if (key is not null && await TryTakeAsync(key, credential.Limits!, recipients, account, cancellation) is { } own)
        {
            return (own, default);
        }

        return (null, new QuotaTaken(account, key, recipients));
    }

    private static async ValueTask<QuotaExceeded?> TryTakeAsync(
        QuotaMeter key, SendingLimits limits, int recipients, QuotaMeter? account, CancellationToken cancellation)
    {
        var taken = false;
        try
        {
            var exceeded = await key.TryTakeAsync(limits, recipients, cancellation);
            taken = exceeded is null;
            return exceeded;
        }
        finally
        {
            if (!taken)
            {
                account?.End(recipients, isWritten: false);
            }
        }
    }

    private QuotaMeter MeterOf(string account, string? credential)
    {
        if (_meters.Count >= MaxMeters)
        {
            _meters.Clear();
        }

        return _meters.GetOrAdd(
            (account, credential),
            static (sender, self) => new QuotaMeter(
                sender.Credential is null ? LimitOwner.Account : LimitOwner.Key,
                (day, cancellation) => self._usage.ReadAsync(sender.Account, sender.Credential, day, cancellation),
                self._time),
            this);
    }
}

/// <summary>What a message has taken and has to give back unless it is accepted.</summary>
internal readonly record struct QuotaTaken(QuotaMeter? Account, QuotaMeter? Key, int Recipients)
{
    /// <param name="isWritten">It is in the store's count, or may be.</param>
    public void End(bool isWritten)
    {
        Account?.End(Recipients, isWritten);
        Key?.End(Recipients, isWritten);
    }
}
