using Relay.Delivery.Scheduling;

namespace Relay.Delivery.Providers;

/// <summary>What is decided under a provider's lock and done behind it: hiring and waking run others' code.</summary>
internal struct Errands
{
    private List<(Site? Hires, TaskCompletionSource<HeldLease?>? Woken, HeldLease? With)>? _list;

    public void Hire(Site site) => (_list ??= []).Add((site, null, null));

    /// <param name="wake">Ends the wait of a courier.</param>
    /// <param name="held">Its next unit; null sends it home.</param>
    public void Wake(TaskCompletionSource<HeldLease?> wake, HeldLease? held) => (_list ??= []).Add((null, wake, held));

    public readonly void Run()
    {
        if (_list is null)
        {
            return;
        }

        foreach (var (hires, woken, held) in _list)
        {
            hires?.Hire();
            woken?.SetResult(held);
        }
    }
}
