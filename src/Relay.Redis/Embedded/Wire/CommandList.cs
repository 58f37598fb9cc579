namespace Relay.Redis.Embedded.Wire;

/// <summary>Commands as places in a buffer: where each argument is, and where each command ends.</summary>
internal sealed class CommandList
{
    // A list that once held very many is not kept.
    private const int MostKept = 64 * 1024;

    private List<(int Start, int Length)> _arguments = [];
    private readonly List<int> _ends = [];

    public int Count => _ends.Count;

    public void AddArgument(int start, int length) => _arguments.Add((start, length));

    public void EndCommand() => _ends.Add(_arguments.Count);

    public Arguments Get(int command, ReadOnlySpan<byte> octets)
    {
        var first = command == 0 ? 0 : _ends[command - 1];
        return new Arguments(octets, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_arguments)[first.._ends[command]]);
    }

    /// <summary>Drops the arguments of the command that is not whole.</summary>
    public void DropUnfinished()
    {
        var whole = _ends.Count == 0 ? 0 : _ends[^1];
        _arguments.RemoveRange(whole, _arguments.Count - whole);
    }

    public void Clear()
    {
        _ends.Clear();
        if (_arguments.Capacity > MostKept)
        {
            _arguments = [];
        }
        else
        {
            _arguments.Clear();
        }
    }
}

/// <summary>One command: its name and what follows.</summary>
internal readonly ref struct Arguments(ReadOnlySpan<byte> octets, ReadOnlySpan<(int Start, int Length)> places)
{
    private readonly ReadOnlySpan<byte> _octets = octets;
    private readonly ReadOnlySpan<(int Start, int Length)> _places = places;

    public int Count => _places.Length;

    public ReadOnlySpan<byte> this[int index] => _octets.Slice(_places[index].Start, _places[index].Length);

    public bool Is(int index, ReadOnlySpan<byte> word) => System.Text.Ascii.EqualsIgnoreCase(this[index], word);
}
