namespace Relay.Host.Settings;

/// <summary>Finds what somebody meant to write.</summary>
internal static class Spelling
{
    /// <summary>The candidate that is a slip of the hand away from a word; null when none is.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates) =>
        candidates
            .Select(candidate => (candidate, Distance: Distance(word.ToUpperInvariant(), candidate.ToUpperInvariant())))
            .Where(c => c.Distance <= Math.Clamp(c.candidate.Length / 2, 1, 3))
            .OrderBy(c => c.Distance)
            .Select(c => c.candidate)
            .FirstOrDefault();

    // Levenshtein: how many letters to insert, drop or replace, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
