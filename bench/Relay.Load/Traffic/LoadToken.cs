using System.Buffers.Text;
using System.Text;

namespace Relay.Load.Traffic;

/// <summary>What a message is known by on both ends: the phase it belongs to and its number there.</summary>
internal readonly record struct LoadToken(uint Phase, uint Number)
{
    /// <summary>Octets of the written form, <c>00000001-0000002a</c>.</summary>
    public const int Length = 17;

    private const int HexLength = 8;

    private static ReadOnlySpan<byte> Header => "\nX-Load-Token: "u8;

    public void WriteTo(Span<byte> place)
    {
        Utf8Formatter.TryFormat(Phase, place, out _, new('x', HexLength));
        place[HexLength] = (byte)'-';
        Utf8Formatter.TryFormat(Number, place[(HexLength + 1)..], out _, new('x', HexLength));
    }

    /// <summary>Finds the token header. It need not come first: every relay puts its own header lines above it.</summary>
    public static bool TryFind(ReadOnlySpan<byte> message, out LoadToken token)
    {
        token = default;
        var at = message.IndexOf(Header);
        if (at < 0 || message.Length < at + Header.Length + Length)
        {
            return false;
        }

        return TryRead(message.Slice(at + Header.Length, Length), out token);
    }

    private static bool TryRead(ReadOnlySpan<byte> text, out LoadToken token)
    {
        token = default;
        if (!Utf8Parser.TryParse(text[..HexLength], out uint phase, out var read, 'x') || read != HexLength
            || !Utf8Parser.TryParse(text[(HexLength + 1)..], out uint number, out read, 'x') || read != HexLength)
        {
            return false;
        }

        token = new(phase, number);
        return true;
    }

    public override string ToString()
    {
        Span<byte> text = stackalloc byte[Length];
        WriteTo(text);
        return Encoding.ASCII.GetString(text);
    }
}
