using System.Buffers;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Relay.Mail.Queue;

namespace Relay.Redis.Journal;

/// <summary>
/// Remembers, over the end of this process, the attempts that went past their final dot (<c>dot</c>) and those whose
/// outcome is known but not settled yet (<c>done</c>). It is not flushed: it is there for killed processes, whose memory
/// the system keeps; a machine that loses power loses it, and with it no mail, only the knowledge that a copy was sent.
/// </summary>
/// <remarks>
/// There is at most one open record a unit. When a file is full, the next one also takes over what is still open in the
/// emptiest of the others, so that this one is free for the turn after.
/// </remarks>
internal sealed class LocalJournal(ILogger<LocalJournal> logger) : IDisposable
{
    // An outcome is some 700 octets; what is larger carries reports with their contents, and is not worth a file of its own:
    // without it the attempt is uncertain after a kill, and the remote refuses once more.
    private const int MaxRecord = JournalSegment.Length / 8;

    // All that a full window has under way fits many times.
    private const int MaxSegments = 16;

    private readonly Lock _lock = new();
    private readonly List<JournalSegment> _segments = [];
    private readonly Dictionary<UnitId, Place> _open = [];
    private readonly ArrayBufferWriter<byte> _scratch = new();
    private string _folder = "";
    private JournalSegment? _current;
    private bool _isFull;

    /// <summary>Records that are open.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _open.Count;
            }
        }
    }

    /// <summary>Units past their final dot whose outcome is not known.</summary>
    public IReadOnlyList<DotEntry> Dots()
    {
        lock (_lock)
        {
            return [.. _open.Values.Select(place => JournalEntry.TryRead(place.Segment.Read(place.Position), out var entry) ? entry as DotEntry : null).OfType<DotEntry>()];
        }
    }

    /// <summary>Opens the journal of a data directory, and returns what an earlier process left open.</summary>
    /// <exception cref="StoreRefusedException">It was written by another version, or cannot be used.</exception>
    public IReadOnlyList<JournalEntry> Open(string dataDirectory)
    {
        _folder = Path.Combine(dataDirectory, "journal");
        try
        {
            Directory.CreateDirectory(_folder);
            lock (_lock)
            {
                var found = ReadHoldingLock();
                GoOnHoldingLock();
                return found;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreRefusedException($"the journal in '{_folder}' cannot be used: {e.Message}", e);
        }
    }

    /// <summary>Adds an entry in place of what stands there of the same unit. False when it could not be kept; that may cost a double, never mail.</summary>
    public bool Add(JournalEntry entry)
    {
        lock (_lock)
        {
            _scratch.ResetWrittenCount();
            entry.Write(_scratch);
            return AddHoldingLock(entry.Unit, _scratch.WrittenSpan);
        }
    }

    /// <summary>Adds an entry and brings it to the disk: the outcome will not be in the store for a while.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool AddFlushed(IEnumerable<JournalEntry> entries)
    {
        var all = true;
        foreach (var entry in entries)
        {
            all &= Add(entry);
        }

        JournalSegment[] written;
        lock (_lock)
        {
            written = [.. _segments.Where(s => s.Live > 0)];
        }

        Array.ForEach(written, s => s.Flush());
        return all;
    }

    /// <summary>The unit is settled, or whoever owns it was told.</summary>
    public void End(UnitId unit)
    {
        lock (_lock)
        {
            if (_open.Remove(unit, out var place))
            {
                place.Segment.End(place.Position);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _segments.ForEach(s => s.Dispose());
            _segments.Clear();
            _open.Clear();
            _current = null;
        }
    }

    private List<JournalEntry> ReadHoldingLock()
    {
        var found = new Dictionary<UnitId, JournalEntry>();
        foreach (var path in Directory.EnumerateFiles(_folder, "*.journal").Order(StringComparer.Ordinal))
        {
            JournalSegment segment;
            try
            {
                segment = JournalSegment.OpenExisting(path);
            }
            catch (InvalidDataException e)
            {
                logger.JournalUnreadable(path, e.Message);
                File.Move(path, path + ".unreadable", overwrite: true);
                continue;
            }

            _segments.Add(segment);
            foreach (var (position, octets) in segment.ReadOpen(problem => logger.JournalDamaged(segment.Name, problem)))
            {
                FindHoldingLock(found, segment, position, octets);
            }
        }

        return [.. found.Values];
    }

    // A process killed between writing a record and ending the one before it leaves both.
    private void FindHoldingLock(Dictionary<UnitId, JournalEntry> found, JournalSegment segment, int position, byte[] octets)
    {
        if (!JournalEntry.TryRead(octets, out var entry))
        {
            logger.JournalDamaged(segment.Name, string.Create(CultureInfo.InvariantCulture, $"the record at {position} is none that this relay knows"));
            segment.End(position);
            return;
        }

        if (found.TryGetValue(entry.Unit, out var other) && IsLater(other, entry))
        {
            segment.End(position);
            return;
        }

        found[entry.Unit] = entry;
        PutHoldingLock(entry.Unit, new Place(segment, position));
    }

    private static bool IsLater(JournalEntry one, JournalEntry other) =>
        one.Attempts != other.Attempts ? one.Attempts > other.Attempts : one is DoneEntry && other is DotEntry;

    private bool AddHoldingLock(UnitId unit, ReadOnlySpan<byte> octets)
    {
        if (_current is null || octets.Length > MaxRecord || (!_current.HasRoomFor(octets.Length) && !TryGoOnHoldingLock()))
        {
            return false;
        }

        PutHoldingLock(unit, new Place(_current, _current.Add(octets)));
        return true;
    }

    // First the new record, then the end of the old one: in between both are there, which a reader knows how to take.
    private void PutHoldingLock(UnitId unit, Place place)
    {
        if (_open.TryGetValue(unit, out var old))
        {
            old.Segment.End(old.Position);
        }

        _open[unit] = place;
    }

    private bool TryGoOnHoldingLock()
    {
        try
        {
            GoOnHoldingLock();
            if (_isFull)
            {
                _isFull = false;
                logger.JournalGoesOn();
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_isFull)
            {
                _isFull = true;
                logger.JournalFull(e.Message);
            }

            return false;
        }
    }

    private void GoOnHoldingLock()
    {
        var next = TakeEmptyHoldingLock() ?? CreateHoldingLock();
        _current = next;
        var others = _segments.Where(s => s != next).ToList();
        if (others.Count < 2 || others.Exists(s => s.Live == 0))
        {
            return;
        }

        // A few that hang at a slow remote must not keep a whole file each.
        var emptiest = others.MinBy(s => s.Live)!;
        foreach (var (unit, place) in _open.Where(o => o.Value.Segment == emptiest).ToList())
        {
            var octets = place.Segment.Read(place.Position);
            if (next.Room < JournalSegment.Length / 2)
            {
                return;
            }

            PutHoldingLock(unit, new Place(next, next.Add(octets)));
        }
    }

    private JournalSegment? TakeEmptyHoldingLock()
    {
        if ((_segments.Find(s => s.Live == 0 && s != _current) ?? (_current is { Live: 0 } ? _current : null)) is { } empty)
        {
            empty.Clear();
            return empty;
        }

        // What a process left that was killed soon after its start.
        return _segments.Find(s => s != _current && s.Room > JournalSegment.Length / 2);
    }

    private JournalSegment CreateHoldingLock()
    {
        if (_segments.Count >= MaxSegments)
        {
            throw new IOException("it has reached its greatest size");
        }

        for (var number = 1; ; number++)
        {
            var path = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{number:00}.journal"));
            if (!File.Exists(path))
            {
                var segment = JournalSegment.Create(path);
                _segments.Add(segment);
                return segment;
            }
        }
    }

    private readonly record struct Place(JournalSegment Segment, int Position);
}
