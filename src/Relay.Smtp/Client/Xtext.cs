using System.Buffers;
using System.Text;

namespace Relay.Smtp.Client;

/// <summary>The quoting of DSN parameters: what is not plain becomes <c>+HH</c> (RFC 3461, 4).</summary>
public static class Xtext
{
    /// <summary>Xtext is defined over ASCII; a UTF-8 original recipient has another address type and quoting (RFC 6533).</summary>
    public static bool CanEncode(ReadOnlySpan<char> text) => !text.IsEmpty && Ascii.IsValid(text);

    public static void Encode(ReadOnlySpan<char> text, IBufferWriter<byte> output)
    {
        var span = output.GetSpan(text.Length * 3);
        var length = 0;
        foreach (var c in text)
        {
            if (c is >= '!' and <= '~' and not ('+' or '='))
            {
                span[length++] = (byte)c;
            }
            else
            {
                span[length++] = (byte)'+';
                span[length++] = Hex(c >> 4);
                span[length++] = Hex(c & 15);
            }
        }

        output.Advance(length);
    }

    private static byte Hex(int digit) => "0123456789ABCDEF"u8[digit];
}
