using System.Collections.Concurrent;
using Relay.Mail.Accounts;

namespace Relay.TestKit.InMemory;

/// <summary>Single verified addresses in memory.</summary>
public sealed class InMemorySenderStore : ISenderStore
{
    private readonly ConcurrentDictionary<(string Account, string Address), VerifiedSender> _senders = new();

    public ValueTask<VerifiedSender?> FindAsync(string account, string address, CancellationToken cancellation) =>
        ValueTask.FromResult(_senders.GetValueOrDefault((account, address)));

    public ValueTask<IReadOnlyList<VerifiedSender>> ListAsync(string account, CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<VerifiedSender>>(
            [.. _senders.Values.Where(s => s.Account == account).OrderBy(s => s.Address, StringComparer.Ordinal)]);

    public ValueTask<bool> TryAddAsync(VerifiedSender sender, CancellationToken cancellation) =>
        ValueTask.FromResult(_senders.TryAdd((sender.Account, sender.Address), sender));

    public ValueTask<VerifiedSender?> ChangeAsync(
        string account, string address, Func<VerifiedSender, VerifiedSender?> change, CancellationToken cancellation)
    {
        while (_senders.TryGetValue((account, address), out var known) && change(known) is { } changed)
        {
            if (_senders.TryUpdate((account, address), changed, known))
            {
                return ValueTask.FromResult<VerifiedSender?>(changed);
            }
        }

        return ValueTask.FromResult<VerifiedSender?>(null);
    }

    public ValueTask RemoveAsync(string account, string address, CancellationToken cancellation)
    {
        _senders.TryRemove((account, address), out _);
        return ValueTask.CompletedTask;
    }
}
