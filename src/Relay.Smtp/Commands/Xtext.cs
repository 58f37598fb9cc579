using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Relay.Smtp.Commands;

/// <summary>The encoding of parameter values (RFC 3461, 4): printable ASCII as it is, all else and <c>+</c> and <c>=</c> as <c>+HH</c>.</summary>
public static class Xtext
{
    private static readonly SearchValues<byte> Plain = SearchValues.Create(
        [.. Enumerable.Range('!', '~' - '!' + 1).Where(c => c is not ('+' or '=')).Select(c => (byte)c)]);

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// False where it is not xtext, or does not stand for printable text. Octets above 127 may stand as they are, which
    /// is what SMTPUTF8 makes of it (RFC 6533, 3).
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> xtext, [NotNullWhen(true)] out string? text)
    {
        text = null;
        var octets = xtext.Length <= 512 ? stackalloc byte[xtext.Length] : new byte[xtext.Length];
        var length = 0;
        for (var i = 0; i < xtext.Length; i++)
        {
            var octet = xtext[i];
            if (octet == (byte)'+')
            {
                if (i + 2 >= xtext.Length || Convert.FromHexString(xtext.Slice(i + 1, 2), octets[length..], out _, out _) != OperationStatus.Done)
                {
                    return false;
                }

                octet = octets[length];
                i += 2;
            }
            else if (octet <= 127 && !Plain.Contains(octet))
            {
                return false;
            }

            if (octet is < (byte)' ' or 127)
            {
                return false;
            }

            octets[length++] = octet;
        }

        try
        {
            text = StrictUtf8.GetString(octets[..length]);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>Xtext is defined over ASCII; a UTF-8 original recipient has another address type and quoting (RFC 6533).</summary>
    public static bool CanEncode(ReadOnlySpan<char> text) => !text.IsEmpty && Ascii.IsValid(text);

    /// <summary>Writes what <see cref="CanEncode"/> allows.</summary>
    public static void Encode(ReadOnlySpan<char> text, IBufferWriter<byte> output)
    {
        var span = output.GetSpan(text.Length * 3);
        var length = 0;
        foreach (var c in text)
        {
            if (Plain.Contains((byte)c))
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
