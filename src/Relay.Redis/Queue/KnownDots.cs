using System.Runtime.InteropServices;
using Relay.Mail.Queue;
using Relay.Redis.Journal;

namespace Relay.Redis.Queue;

/// <summary>
/// Units of a partition that stand in its <c>dots</c>, and those of them, or of our journal, whose attempt was begun by an
/// owner before us and of which nobody heard the end.
/// </summary>
internal sealed class KnownDots
{
    private readonly Lock _lock = new();
    private readonly Dictionary<UnitId, DotEntry> _unheard = [];

    // The names of their notes: one, or more where an owner before us noted the unit too.
    private readonly Dictionary<UnitId, string[]> _stored = [];

    // One node alone never comes further than this.
    private volatile bool _any;

    /// <summary>The unit stands in the store's <c>dots</c> by a note of this name, or is about to.</summary>
    public void Store(UnitId unit, string note)
    {
        lock (_lock)
        {
            ref var notes = ref CollectionsMarshal.GetValueRefOrAddDefault(_stored, unit, out _);
            notes = notes is null ? [note] : notes.Contains(note) ? notes : [.. notes, note];
            _any = true;
        }
    }

    /// <summary>An attempt before our time went past its dot.</summary>
    public void Find(DotEntry dot)
    {
        lock (_lock)
        {
            _unheard[dot.Unit] = dot;
            _any = true;
        }
    }

    /// <summary>The attempt before this lease that nobody heard the end of; null as a rule.</summary>
    public UnheardAttempt? UnheardBefore(Lease lease)
    {
        if (!_any)
        {
            return null;
        }

        lock (_lock)
        {
            return _unheard.TryGetValue(lease.Id, out var dot) && dot.Attempts == lease.Attempts ? dot.ToUnheard() : null;
        }
    }

    /// <summary>The names of a unit's notes in the store; where one node delivers there are none.</summary>
    public IReadOnlyList<string> NotesOf(UnitId unit)
    {
        if (!_any)
        {
            return [];
        }

        lock (_lock)
        {
            return _stored.GetValueOrDefault(unit, []);
        }
    }

    /// <summary>The names of all notes that we wrote or found.</summary>
    public IReadOnlySet<string> Notes()
    {
        lock (_lock)
        {
            return _stored.Values.SelectMany(notes => notes).ToHashSet(StringComparer.Ordinal);
        }
    }

    /// <summary>The unit is settled.</summary>
    public void End(UnitId unit)
    {
        if (!_any)
        {
            return;
        }

        lock (_lock)
        {
            _unheard.Remove(unit);
            _stored.Remove(unit);
            _any = _unheard.Count > 0 || _stored.Count > 0;
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            _unheard.Clear();
            _stored.Clear();
            _any = false;
        }
    }
}
