using System.Text.Json;
using Relay.Redis.Records;

namespace Relay.Redis.Queue;

/// <summary>
/// What was taken out of a full store without a step, until its events stand in the outbox: a line of JSON each, on the
/// disk before the unit is taken out. A line that was not written to its end was never acted upon.
/// </summary>
internal sealed class DrainFile : IDisposable
{
    private readonly FileStream _file;

    private DrainFile(FileStream file) => _file = file;

    /// <summary>Opens the file of a data directory, and gives what an earlier process left in it.</summary>
    public static DrainFile Open(string dataDirectory, out IReadOnlyList<DrainedUnit> left)
    {
        var file = new FileStream(
            Path.Combine(dataDirectory, "drained.jsonl"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        left = Read(file);
        file.Seek(0, SeekOrigin.End);
        return new DrainFile(file);
    }

    /// <summary>Returns when they are on the disk.</summary>
    /// <exception cref="IOException">The disk failed or is full.</exception>
    public void Append(IReadOnlyList<DrainedUnit> units)
    {
        var lines = new MemoryStream();
        foreach (var unit in units)
        {
            JsonSerializer.Serialize(lines, unit, RecordJson.Default.DrainedUnit);
            lines.WriteByte((byte)'\n');
        }

        _file.Write(lines.GetBuffer().AsSpan(0, (int)lines.Length));
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Everything in it is told.</summary>
    public void Clear()
    {
        _file.SetLength(0);
        _file.Flush(flushToDisk: true);
    }

    public void Dispose() => _file.Dispose();

    private static List<DrainedUnit> Read(FileStream file)
    {
        var units = new List<DrainedUnit>();
        using var reader = new StreamReader(file, leaveOpen: true);
        while (reader.ReadLine() is { } line)
        {
            try
            {
                units.Add(JsonSerializer.Deserialize(line, RecordJson.Default.DrainedUnit) ?? throw new JsonException("a line is null"));
            }
            catch (JsonException)
            {
                // Cut off while it was written.
            }
        }

        return units;
    }
}

/// <summary>A unit that ended while the store was full.</summary>
/// <param name="Sequence">Grows with each; the store remembers the last that was told.</param>
/// <param name="Chunks">Of its message's content.</param>
/// <param name="HasSiblings">Its message has more units.</param>
/// <param name="Events">As they are to stand in the outbox.</param>
internal sealed record DrainedUnit(long Sequence, string Unit, string Lane, int Chunks, bool HasSiblings, IReadOnlyList<byte[]> Events);
