using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Relay.Delivery.Providers;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Holds accounts to the rate they may send at. Mail is taken in all the same and waits in the queue: few who submit by SMTP
/// come again after a temporary no.
/// </summary>
internal sealed class AccountRates(DeliveryWindow window, NodeShares shares, IOptions<DeliveryOptions> options, TimeProvider time) : IDisposable
{
    // Beyond so many they are looked through for those that can be forgotten, and again when there are twice as many.
    private const int FewAccounts = 1_024;

    private readonly Rate? _usual = options.Value.AccountRate is { Length: > 0 } rate ? Rate.Parse(rate) : null;
    private readonly Dictionary<string, Rate> _own = options.Value.AccountRates.ToDictionary(r => r.Key, r => Rate.Parse(r.Value), StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, AccountRate> _held = new(StringComparer.Ordinal);
    private int _lookThroughAt = FewAccounts;
    private volatile IReadOnlyDictionary<string, Rate?> _stored = new Dictionary<string, Rate?>();

    /// <summary>Those that were asked about lately: of each the nodes have a part.</summary>
    public IEnumerable<IShared> Shared => _held.Select(account => account.Value);

    /// <summary>From now on these accounts have limits of their own, be it a rate or none; they stand before what is configured.</summary>
    public void Take(IReadOnlyDictionary<string, Rate?> stored)
    {
        _stored = stored;

        // Who waits for a slow rate need not wait for its next turn to learn of a quicker one.
        foreach (var (_, held) in _held)
        {
            held.Open();
        }
    }

    /// <summary>What the next message of the lane has to wait for; null when it may go, and then it counts.</summary>
    public Gate? ClosedGate(Lane lane) => RateOf(lane) is { } rate ? HeldOf(lane.Account, rate).ClosedGate(rate) : null;

    /// <summary>What holds for an account now; null for as much as it likes.</summary>
    public Rate? RateOf(string account) =>
        _stored.TryGetValue(account, out var stored) ? stored : _own.TryGetValue(account, out var own) ? own : _usual;

    /// <summary>What holds for a lane: what strangers write to an account is not what it sends.</summary>
    public Rate? RateOf(Lane lane) => lane.Class == MessageClass.Inbound ? null : RateOf(lane.Account);

    /// <summary>Why the lane's mail waits, where it is for this.</summary>
    public string? ExcuseFor(Lane lane) => RateOf(lane) is { } rate && HeldOf(lane.Account, rate).IsSpent(rate) ? $"the account may send {rate}, and has" : null;

    public void Dispose()
    {
        foreach (var (_, held) in _held)
        {
            held.Dispose();
        }
    }

    private AccountRate HeldOf(string account, Rate rate)
    {
        if (_held.TryGetValue(account, out var held))
        {
            return held;
        }

        if (_held.Count >= _lookThroughAt)
        {
            ForgetIdle();
        }

        return _held.GetOrAdd(account, static (name, made) => new AccountRate(name, made.rate, made.window, made.shares, made.time), (rate, window, shares, time));
    }

    private void ForgetIdle()
    {
        foreach (var account in _held)
        {
            if (account.Value.IsIdle && _held.TryRemove(account))
            {
                account.Value.Dispose();
            }
        }

        _lookThroughAt = Math.Max(FewAccounts, _held.Count * 2);
    }
}
