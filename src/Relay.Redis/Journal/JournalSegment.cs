using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Relay.Redis.Journal;

/// <summary>
/// One file of the journal, mapped into memory: to add a record is to copy it, without a system call, and what was copied
/// survives the process.
/// <code>
/// file     [RLYJ][version, 4][generation, 4][0, 4] then records
/// record   [length, 4][checksum, 4][state, 4][generation, 4][octets, filled up to 4]
/// </code>
/// The generation is raised when the file is used anew, so that what stands in it from before is no record any more. A
/// record's own generation is written last: until then it is not there.
/// </summary>
internal sealed class JournalSegment : IDisposable
{
    public const int Length = 4 * 1024 * 1024;

    /// <summary>What a record takes in addition to its octets, at most.</summary>
    public const int RecordOverhead = RecordHeader + 3;

    private const uint Magic = 0x4a594c52;
    private const uint Version = 1;
    private const int FileHeader = 16;
    private const int RecordHeader = 16;
    private const uint Open = 1;
    private const uint Ended = 2;

    private readonly FileStream _file;
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte[] _header = new byte[RecordHeader];

    // From 1: what was never written to is of generation 0.
    private uint _generation = 1;

    private JournalSegment(FileStream file)
    {
        _file = file;
        _map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _view = _map.CreateViewAccessor(0, Length);
        Name = file.Name;
    }

    public string Name { get; }

    /// <summary>Records that are open.</summary>
    public int Live { get; private set; }

    public int Room => Length - Position;

    private int Position { get; set; } = FileHeader;

    /// <exception cref="IOException">There is no room on the disk, or no right to write.</exception>
    public static JournalSegment Create(string path)
    {
        // Written through to its end, since a mapped file that has no block on a full disk kills the process that writes to it.
        var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        try
        {
            var nothing = new byte[64 * 1024];
            for (var written = 0; written < Length; written += nothing.Length)
            {
                file.Write(nothing);
            }

            var segment = new JournalSegment(file);
            segment.WriteFileHeader();
            return segment;
        }
        catch
        {
            file.Dispose();
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Opens a file that an earlier process left.</summary>
    /// <exception cref="StoreRefusedException">It was written by another version.</exception>
    /// <exception cref="InvalidDataException">It is no journal, or not all of one: its maker did not come to write anything.</exception>
    public static JournalSegment OpenExisting(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        try
        {
            Span<byte> header = stackalloc byte[FileHeader];
            if (file.Length != Length || file.Read(header) != FileHeader || BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic)
            {
                throw new InvalidDataException("it has no whole header");
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) is var version && version != Version)
            {
                throw new StoreRefusedException(
                    $"'{path}' is a journal of version {version}, this relay reads version {Version}. Let the relay that wrote it end in order first, or move the file away: mail under way when it ended may then be sent twice.");
            }

            return new JournalSegment(file) { _generation = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The open records, in order; whatever is broken is told and passed over.</summary>
    public IEnumerable<(int Position, byte[] Octets)> ReadOpen(Action<string> broken)
    {
        Position = FileHeader;
        Live = 0;
        while (Position + RecordHeader <= Length)
        {
            var start = Position;
            var length = _view.ReadUInt32(start);
            if (_view.ReadUInt32(start + 12) != _generation)
            {
                yield break;
            }

            if (length > Length - RecordHeader - start)
            {
                broken($"a record at {start} claims {length} octets; what follows it cannot be read");
                Position = Length;
                yield break;
            }

            Position = start + SizeOf((int)length);
            if (_view.ReadUInt32(start + 8) == Open)
            {
                var octets = new byte[length];
                _view.ReadArray(start + RecordHeader, octets, 0, octets.Length);
                if (Checksum(octets) != _view.ReadUInt32(start + 4))
                {
                    broken($"the record at {start} is damaged");
                    continue;
                }

                Live++;
                yield return (start, octets);
            }
        }
    }

    /// <summary>Adds an open record; the caller has seen that there is room.</summary>
    public int Add(ReadOnlySpan<byte> octets)
    {
        var start = Position;
        BinaryPrimitives.WriteInt32LittleEndian(_header, octets.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(_header.AsSpan(4), Checksum(octets));
        BinaryPrimitives.WriteUInt32LittleEndian(_header.AsSpan(8), Open);
        View.WriteSpan((ulong)(start + RecordHeader), octets);
        View.WriteSpan((ulong)start, (ReadOnlySpan<byte>)_header.AsSpan(0, 12));
        _view.Write(start + 12, _generation);
        Position = start + SizeOf(octets.Length);
        Live++;
        return start;
    }

    public byte[] Read(int position)
    {
        var octets = new byte[_view.ReadUInt32(position)];
        _view.ReadArray(position + RecordHeader, octets, 0, octets.Length);
        return octets;
    }

    /// <summary>The record tells nothing any more.</summary>
    public void End(int position)
    {
        _view.Write(position + 8, Ended);
        Live--;
    }

    public bool HasRoomFor(int octets) => Room >= octets + RecordOverhead;

    /// <summary>Forgets all that stands in it.</summary>
    public void Clear()
    {
        _generation++;
        WriteFileHeader();
        Position = FileHeader;
        Live = 0;
    }

    /// <summary>Brings what was added to the disk.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Flush()
    {
        _view.Flush();
        _file.Flush(flushToDisk: true);
    }

    public void Dispose()
    {
        _view.Dispose();
        _map.Dispose();
        _file.Dispose();
    }

    private SafeBuffer View => _view.SafeMemoryMappedViewHandle;

    private void WriteFileHeader()
    {
        _view.Write(0, Magic);
        _view.Write(4, Version);
        _view.Write(8, _generation);
    }

    private static int SizeOf(int octets) => RecordHeader + ((octets + 3) & ~3);

    private static uint Checksum(ReadOnlySpan<byte> octets)
    {
        var sum = uint.MaxValue;
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(octets))
        {
            sum = BitOperations.Crc32C(sum, word);
        }

        foreach (var octet in octets[(octets.Length & ~7)..])
        {
            sum = BitOperations.Crc32C(sum, octet);
        }

        return sum;
    }
}
