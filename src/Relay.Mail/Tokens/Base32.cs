namespace Relay.Mail.Tokens;

/// <summary>Octets as text that survives hosts which change the case of a local part: Crockford's base 32, five octets in eight characters.</summary>
internal static class Base32
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <param name="octets">A multiple of five.</param>
    /// <param name="text">Eight characters for each five octets.</param>
    public static void Write(ReadOnlySpan<byte> octets, Span<char> text)
    {
        for (; !octets.IsEmpty; octets = octets[5..], text = text[8..])
        {
            var bits = ((ulong)octets[0] << 32) | ((ulong)octets[1] << 24) | ((ulong)octets[2] << 16) | ((ulong)octets[3] << 8) | octets[4];
            for (var i = 7; i >= 0; i--, bits >>= 5)
            {
                text[i] = Alphabet[(int)(bits & 31)];
            }
        }
    }

    /// <summary>False when a character is none of ours, in either case.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, Span<byte> octets)
    {
        for (; !text.IsEmpty; text = text[8..], octets = octets[5..])
        {
            ulong bits = 0;
            foreach (var c in text[..8])
            {
                var digit = Alphabet.IndexOf(char.ToLowerInvariant(c), StringComparison.Ordinal);
                if (digit < 0)
                {
                    return false;
                }

                bits = (bits << 5) | (uint)digit;
            }

            for (var i = 4; i >= 0; i--, bits >>= 8)
            {
                octets[i] = (byte)bits;
            }
        }

        return true;
    }
}
