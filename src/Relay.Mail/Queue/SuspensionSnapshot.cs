using System.Collections.Frozen;
using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>The suspensions in force at one moment, made to be asked for each unit. Never changed: a new one takes its place.</summary>
public sealed class SuspensionSnapshot
{
    public static readonly SuspensionSnapshot None = new([]);

    private readonly FrozenDictionary<(string? Domain, string? Account, MessageClass? Class), Suspension> _lanes;
    private readonly FrozenDictionary<MessageId, Suspension[]> _messages;

    // Which parts of a lane the suspensions name: at most seven combinations, mostly one.
    private readonly (bool Domain, bool Account, bool Class)[] _forms;

    /// <param name="items">Those not over. Of several that are alike the first is told.</param>
    public SuspensionSnapshot(IReadOnlyList<Suspension> items)
    {
        Items = items;
        _lanes = items.Where(s => s.Selector is { Message: null, IsEmpty: false })
            .DistinctBy(s => KeyOf(s.Selector))
            .ToFrozenDictionary(s => KeyOf(s.Selector));
        _messages = items.Where(s => s.Selector.Message is not null)
            .GroupBy(s => s.Selector.Message!.Value)
            .ToFrozenDictionary(g => g.Key, g => g.ToArray());
        _forms = [.. _lanes.Keys.Select(k => (k.Domain is not null, k.Account is not null, k.Class is not null)).Distinct()];
    }

    public IReadOnlyList<Suspension> Items { get; }

    /// <summary>Single messages are suspended, and not lanes only.</summary>
    public bool NamesMessages => _messages.Count > 0;

    /// <summary>What keeps the whole lane waiting; null when nothing does.</summary>
    public Suspension? Find(Lane lane)
    {
        foreach (var (domain, account, @class) in _forms)
        {
            if (_lanes.TryGetValue((domain ? lane.Domain : null, account ? lane.Account : null, @class ? lane.Class : null), out var found))
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>What keeps this message waiting in this lane; null when nothing does.</summary>
    public Suspension? Find(Lane lane, MessageId message) =>
        Find(lane) ?? (NamesMessages && _messages.TryGetValue(message, out var known) ? Array.Find(known, s => s.Selector.Covers(lane)) : null);

    private static (string? Domain, string? Account, MessageClass? Class) KeyOf(QueueSelector selector) =>
        (selector.Domain, selector.Account, selector.Class);
}
