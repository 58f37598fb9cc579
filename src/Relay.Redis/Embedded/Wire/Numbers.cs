using System.Buffers.Text;
using System.Globalization;

namespace Relay.Redis.Embedded.Wire;

/// <summary>Numbers as Redis reads and writes them.</summary>
internal static class Numbers
{
    /// <summary>A whole number without leading zeros, spaces or a plus.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long number)
    {
        number = 0;
        if (text.IsEmpty || text.Length > 20 || !Utf8Parser.TryParse(text, out number, out var used) || used != text.Length)
        {
            return false;
        }

        var digits = text[0] == '-' ? text[1..] : text;
        return text[0] != '+' && (digits[0] != '0' || text.Length == 1);
    }

    /// <summary>A score: a decimal number, or <c>inf</c> with or without its sign.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out double number)
    {
        number = 0;
        if (text.IsEmpty || text.Length > 256)
        {
            return false;
        }

        var word = text[0] is (byte)'+' or (byte)'-' ? text[1..] : text;
        if (System.Text.Ascii.EqualsIgnoreCase(word, "inf"u8) || System.Text.Ascii.EqualsIgnoreCase(word, "infinity"u8))
        {
            number = text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }

        return double.TryParse(
                text,
                NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture,
                out number)
            && !double.IsNaN(number);
    }

    /// <summary>As <c>%.17g</c> does, which is what Redis writes.</summary>
    public static int Format(double number, Span<byte> text)
    {
        if (double.IsInfinity(number))
        {
            var word = number > 0 ? "inf"u8 : "-inf"u8;
            word.CopyTo(text);
            return word.Length;
        }

        // Every whole number that a double holds exactly.
        if (Math.Abs(number) < 1L << 53 && number == Math.Floor(number))
        {
            Utf8Formatter.TryFormat((long)number, text, out var length);
            if (number == 0 && double.IsNegative(number))
            {
                "-0"u8.CopyTo(text);
                return 2;
            }

            return length;
        }

        return FormatGeneral(number, text);
    }

    private static int FormatGeneral(double number, Span<byte> text)
    {
        // "E16" gives the 17 digits that %.17g rounds to.
        Span<char> digits = stackalloc char[32];
        number.TryFormat(digits, out var length, "E16", CultureInfo.InvariantCulture);
        var scientific = digits[..length];
        var e = scientific.IndexOf('E');
        var exponent = int.Parse(scientific[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

        string result;
        if (exponent is < -4 or >= 17)
        {
            var mantissa = scientific[..e].TrimEnd('0').TrimEnd('.');
            result = string.Create(CultureInfo.InvariantCulture, $"{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }
        else
        {
            var isNegative = scientific[0] == '-';
            var significant = string.Concat(scientific[isNegative ? 1 : 0].ToString(), scientific[(isNegative ? 3 : 2)..e]);
            var whole = exponent >= 0 ? significant[..(exponent + 1)] : "0";
            var fraction = exponent >= 0 ? significant[(exponent + 1)..] : new string('0', -exponent - 1) + significant;
            fraction = fraction.TrimEnd('0');
            result = $"{(isNegative ? "-" : "")}{whole}{(fraction.Length > 0 ? "." : "")}{fraction}";
        }

        return System.Text.Encoding.ASCII.GetBytes(result, text);
    }
}
