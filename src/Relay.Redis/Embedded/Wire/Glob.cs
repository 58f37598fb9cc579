namespace Relay.Redis.Embedded.Wire;

/// <summary>Patterns as Redis has them: <c>*</c>, <c>?</c>, <c>[a-c]</c>, <c>[^a]</c>, and a backslash before what stands for itself.</summary>
internal static class Glob
{
    /// <summary>Whether the pattern covers the whole text. Takes at most the product of both lengths, whatever the pattern.</summary>
    public static bool IsMatch(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> text)
    {
        int p = 0, t = 0, star = -1, resume = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                resume = t;
            }
            else if (p < pattern.Length && TryMatchOne(pattern[p..], text[t], out var used))
            {
                p += used;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++resume;
            }
            else
            {
                return false;
            }
        }

        return pattern[p..].TrimStart((byte)'*').IsEmpty;
    }

    private static bool TryMatchOne(ReadOnlySpan<byte> pattern, byte octet, out int used)
    {
        used = 1;
        switch (pattern[0])
        {
            case (byte)'?':
                return true;
            case (byte)'[':
                return MatchesClass(pattern, octet, out used);
            case (byte)'\\' when pattern.Length > 1:
                used = 2;
                return pattern[1] == octet;
            default:
                return pattern[0] == octet;
        }
    }

    private static bool MatchesClass(ReadOnlySpan<byte> pattern, byte octet, out int used)
    {
        var i = 1;
        var isNegated = i < pattern.Length && pattern[i] == '^';
        i += isNegated ? 1 : 0;
        var isFound = false;
        while (i < pattern.Length && pattern[i] != ']')
        {
            if (pattern[i] == '\\' && i + 1 < pattern.Length)
            {
                i++;
                isFound |= pattern[i] == octet;
                i++;
            }
            else if (i + 2 < pattern.Length && pattern[i + 1] == '-')
            {
                var (low, high) = (Math.Min(pattern[i], pattern[i + 2]), Math.Max(pattern[i], pattern[i + 2]));
                isFound |= octet >= low && octet <= high;
                i += 3;
            }
            else
            {
                isFound |= pattern[i] == octet;
                i++;
            }
        }

        used = Math.Min(i + 1, pattern.Length);
        return isFound != isNegated;
    }
}
