using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Commands;

/// <summary>What SCAN and its kin are told: where to go on, what to look for.</summary>
internal ref struct ScanOptions
{
    private const long MostAtOnce = 10_000;

    private ReadOnlySpan<byte> _pattern;
    private ReadOnlySpan<byte> _type;

    /// <summary>The key to begin at; empty for the first.</summary>
    public byte[] From { get; private set; }

    public long Count { get; private set; }

    public readonly bool Matches(ReadOnlySpan<byte> name) => _pattern.IsEmpty || Glob.IsMatch(_pattern, name);

    public readonly bool IsOfType(ReadOnlySpan<byte> record) =>
        _type.IsEmpty || System.Text.Ascii.EqualsIgnoreCase(Keys.NameOf(Entry.ReadType(record)), _type);

    public static bool TryRead(Call call, int index, out ScanOptions options)
    {
        options = new ScanOptions { Count = 10, From = [] };
        if (!Numbers.TryParse(call[index], out long cursor) || cursor < 0)
        {
            call.Reply.Error("ERR invalid cursor");
            return false;
        }

        for (index++; index < call.Count; index += 2)
        {
            if (index + 1 == call.Count)
            {
                call.Reply.Error(Call.SyntaxError);
                return false;
            }

            if (call.Is(index, "match"u8))
            {
                options._pattern = call[index + 1];
            }
            else if (call.Is(index, "type"u8))
            {
                options._type = call[index + 1];
            }
            else if (!call.Is(index, "count"u8))
            {
                call.Reply.Error(Call.SyntaxError);
                return false;
            }
            else if (!call.TryInteger(index + 1, out var count))
            {
                return false;
            }
            else if (count < 1)
            {
                call.Reply.Error(Call.SyntaxError);
                return false;
            }
            else
            {
                options.Count = Math.Min(count, MostAtOnce);
            }
        }

        if (!call.Executor.Cursors.TryGet(cursor, out var from))
        {
            call.Reply.Error("ERR invalid cursor");
            return false;
        }

        options.From = from;
        return true;
    }
}
