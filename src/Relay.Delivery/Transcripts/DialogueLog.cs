using System.Buffers;
using System.Text;
using Relay.Mail.Events;

namespace Relay.Delivery.Transcripts;

/// <summary>
/// What is said on one connection, turn by turn, kept as octets for as long as a failure may want it: most turns are
/// forgotten when they end well, and nothing was made of them. Turns of different messages interleave; each is told alone,
/// behind the greeting, which is turn 0.
/// </summary>
internal sealed class DialogueLog(TimeProvider time) : IDisposable
{
    private const int FirstOctets = 2 * 1024;
    private const int FirstEntries = 32;

    // Of a dialogue without end its beginning is kept: a hundred recipients with their replies take half of it.
    private const int MaxOctets = 32 * 1024;
    private const int MaxEntries = 1_024;

    private byte[] _octets = [];
    private Entry[] _entries = [];
    private int _length;
    private int _count;
    private int _turns;
    private bool _isOff;

    /// <summary>Whose turn the next reply belongs to.</summary>
    public int Listener { get; set; }

    public int BeginTurn() => ++_turns;

    /// <summary>Keeps nothing from now on.</summary>
    public void TurnOff() => _isOff = true;

    /// <summary>Commands, as they stand on the wire: one or several, nothing secret among them.</summary>
    public void Said(int turn, ReadOnlySpan<byte> commands) => Add(turn, TranscriptVoice.Us, commands);

    /// <summary>A reply to the turn that listens.</summary>
    public void Heard(ReadOnlySpan<byte> reply) => Add(Listener, TranscriptVoice.Them, reply);

    public void Note(int turn, string words)
    {
        var octets = Encoding.UTF8.GetByteCount(words) is var count && count <= MaxOctets ? ArrayPool<byte>.Shared.Rent(count) : [];
        Add(turn, TranscriptVoice.Note, octets.AsSpan(0, octets.Length == 0 ? 0 : Encoding.UTF8.GetBytes(words, octets)));
        ArrayPool<byte>.Shared.Return(octets);
    }

    /// <summary>A content stood here, of so many octets.</summary>
    public void SaidContent(int turn, long octets, bool byChunk) => Add(turn, TranscriptVoice.Us, byChunk ? "BDAT"u8 : [], octets);

    /// <summary>This turn as it is told to people.</summary>
    public List<TranscriptLine> Tell(int turn, bool withGreeting = true)
    {
        var lines = new List<TranscriptLine>();
        var now = time.GetTimestamp();
        var clock = time.GetUtcNow();
        foreach (var entry in _entries.AsSpan(0, _count))
        {
            if (entry.Turn != turn && (entry.Turn != 0 || !withGreeting))
            {
                continue;
            }

            var at = clock - time.GetElapsedTime(entry.At, now);
            if (entry.Content > 0)
            {
                lines.Add(new TranscriptLine(at, TranscriptVoice.Note, $"(content{(entry.Length > 0 ? " by BDAT" : "")}: {entry.Content} octets)"));
                continue;
            }

            foreach (var range in _octets.AsSpan(entry.Start, entry.Length).Split((byte)'\n'))
            {
                if (Printable(_octets.AsSpan(entry.Start, entry.Length)[range]) is { Length: > 0 } text)
                {
                    lines.Add(new TranscriptLine(at, entry.Voice, text));
                }
            }
        }

        return lines;
    }

    /// <summary>The turn is over, and nobody will ask for it.</summary>
    public void Forget(int turn)
    {
        var kept = 0;
        var length = 0;
        for (var i = 0; i < _count; i++)
        {
            var entry = _entries[i];
            if (entry.Turn == turn)
            {
                continue;
            }

            // Those before have moved down, so there is room for this one.
            _octets.AsSpan(entry.Start, entry.Length).CopyTo(_octets.AsSpan(length));
            _entries[kept++] = entry with { Start = length };
            length += entry.Length;
        }

        (_count, _length) = (kept, length);
    }

    public void Dispose()
    {
        _isOff = true;
        (_count, _length) = (0, 0);
        Return(_octets);
        Return(_entries);
        (_octets, _entries) = ([], []);
    }

    private void Add(int turn, TranscriptVoice voice, ReadOnlySpan<byte> octets, long content = 0)
    {
        if (_isOff || _length + octets.Length > MaxOctets || _count == MaxEntries)
        {
            return;
        }

        Reserve(ref _octets, _length, octets.Length, FirstOctets);
        Reserve(ref _entries, _count, 1, FirstEntries);
        octets.CopyTo(_octets.AsSpan(_length));
        _entries[_count++] = new Entry(turn, voice, _length, octets.Length, content, time.GetTimestamp());
        _length += octets.Length;
    }

    private static void Reserve<T>(ref T[] array, int used, int count, int first)
    {
        if (array.Length - used >= count)
        {
            return;
        }

        var larger = ArrayPool<T>.Shared.Rent(Math.Max(first, Math.Max(used + count, array.Length * 2)));
        array.AsSpan(0, used).CopyTo(larger);
        Return(array);
        array = larger;
    }

    private static void Return<T>(T[] array)
    {
        if (array.Length > 0)
        {
            ArrayPool<T>.Shared.Return(array);
        }
    }

    // A remote's words end up on terminals and pages: no control character of theirs may act there.
    private static string Printable(ReadOnlySpan<byte> octets)
    {
        var text = Encoding.UTF8.GetString(octets).TrimEnd();
        return text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)) : text;
    }

    /// <param name="Content">Octets of a content that stood here; 0 for everything else.</param>
    private readonly record struct Entry(int Turn, TranscriptVoice Voice, int Start, int Length, long Content, long At);
}
