using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Faults.Ledgers;

/// <summary>Everything that was written into a ledger, one JSON line each, as it happened: what a failure is studied by.</summary>
internal sealed class History : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _writer;

    public History(string path)
    {
        Path = path;
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        _writer = new StreamWriter(path);
    }

    public string Path { get; }

    public void Write(Submission submission) => Write(new HistoryLine { Submitted = submission });

    public void Write(Arrival arrival) => Write(new HistoryLine { Arrived = arrival });

    public void Write(Strike strike) => Write(new HistoryLine { Struck = strike });

    public void Write(Told told) => Write(new HistoryLine { Told = told });

    /// <summary>What a scenario does, and what the checker found.</summary>
    public void Note(string note) => Write(new HistoryLine { Note = note });

    public void Dispose()
    {
        lock (_lock)
        {
            _writer.Dispose();
        }
    }

    private void Write(HistoryLine line)
    {
        var text = JsonSerializer.Serialize(line, HistoryJson.Default.HistoryLine);
        lock (_lock)
        {
            if (_writer.BaseStream is { CanWrite: true })
            {
                _writer.WriteLine(text);
            }
        }
    }
}

internal sealed record HistoryLine
{
    public DateTimeOffset At { get; init; } = DateTimeOffset.UtcNow;
    public Submission? Submitted { get; init; }
    public Arrival? Arrived { get; init; }
    public Strike? Struck { get; init; }
    public Told? Told { get; init; }
    public string? Note { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(HistoryLine))]
internal sealed partial class HistoryJson : JsonSerializerContext;
