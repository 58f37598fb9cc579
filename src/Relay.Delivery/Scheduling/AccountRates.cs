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
    private readonly Rate? _usual = options.Value.AccountRate is { Length: > 0 } rate ? Rate.Parse(rate) : null;
    private readonly Dictionary<string, Rate> _own = options.Value.AccountRates.ToDictionary(r => r.Key, r => Rate.Parse(r.Value), StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Held> _held = new(StringComparer.Ordinal);
    private volatile IReadOnlyDictionary<string, Rate?> _stored = new Dictionary<string, Rate?>();

    /// <summary>From now on these accounts have limits of their own, be it a rate or none; they stand before what is configured.</summary>
    public void Take(IReadOnlyDictionary<string, Rate?> stored)
    {
        _stored = stored;
        List<Gate> closed;
        lock (_lock)
        {
            closed = [.. _held.Values.Select(held => held.Gate)];
        }

        // Who waits for a slow rate need not wait for its next turn to learn of a quicker one.
        closed.ForEach(window.Open);
    }

    /// <summary>What the next message of the lane has to wait for; null when it may go, and then it counts.</summary>
    public Gate? ClosedGate(Lane lane)
    {
        if (RateOf(lane) is not { } rate)
        {
            return null;
        }

        lock (_lock)
        {
            var held = HeldOf(lane.Account, rate);
            var now = time.GetUtcNow();
            if (held.Meter.TryTake(now))
            {
                return null;
            }

            held.Timer ??= time.CreateTimer(_ => window.Open(held.Gate), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            held.Timer.Change(held.Meter.Wait(now), Timeout.InfiniteTimeSpan);
            return held.Gate;
        }
    }

    /// <summary>What holds for an account now; null for as much as it likes.</summary>
    public Rate? RateOf(string account) =>
        _stored.TryGetValue(account, out var stored) ? stored : _own.TryGetValue(account, out var own) ? own : _usual;

    /// <summary>Why the lane's mail waits, where it is for this.</summary>
    public string? ExcuseFor(Lane lane)
    {
        if (RateOf(lane) is not { } rate)
        {
            return null;
        }

        lock (_lock)
        {
            return HeldOf(lane.Account, rate).Meter.Wait(time.GetUtcNow()) > TimeSpan.Zero ? $"the account may send {rate}, and has" : null;
        }
    }

    /// <summary>What holds for a lane: what strangers write to an account is not what it sends.</summary>
    public Rate? RateOf(Lane lane) => lane.Class == MessageClass.Inbound ? null : RateOf(lane.Account);

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var held in _held.Values)
            {
                held.Timer?.Dispose();
            }
        }
    }

    // Each node has an even part: accounts' mail is spread over all of them.
    private Held HeldOf(string account, Rate rate)
    {
        if (!_held.TryGetValue(account, out var held))
        {
            _held[account] = held = new Held();
        }

        var part = rate with { Time = rate.Time * shares.Nodes };
        if (held.Rate != part)
        {
            held.Rate = part;
            held.Meter.Set(part, time.GetUtcNow());
        }

        return held;
    }

    private sealed class Held
    {
        public RateMeter Meter { get; } = new();
        public Gate Gate { get; } = new();
        public Rate? Rate { get; set; }
        public ITimer? Timer { get; set; }
    }
}
