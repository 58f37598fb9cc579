using System.Globalization;

namespace Relay.Delivery.TlsPolicies;

/// <summary>What a domain publishes about its mail exchangers and their certificates (MTA-STS, RFC 8461, 3.2).</summary>
/// <param name="Mx">Host names; one that begins with <c>*.</c> stands for any one label.</param>
internal sealed record StsPolicy(StsMode Mode, TimeSpan MaxAge, IReadOnlyList<string> Mx)
{
    // RFC 8461, 3.2: a longer life than about a year is not allowed.
    private const int LongestAgeSeconds = 31_557_600;

    // More than any domain has; one that lists thousands gains nothing by it.
    private const int MaxPatterns = 200;

    /// <summary>The policy's text as it came, for reports.</summary>
    public string Text { get; init; } = "";

    /// <summary>Whether mail may go to this host: pattern by pattern, a star for exactly one label at the front (RFC 8461, 4.1).</summary>
    public bool Permits(string host) => Mx.Any(pattern => Matches(pattern, host));

    /// <summary>Reads a policy file; null when it is none, with the reason.</summary>
    public static StsPolicy? Parse(string text, out string problem)
    {
        string? version = null, mode = null, age = null;
        var mx = new List<string>();
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
            {
                problem = "a line of the policy is not a key and a value";
                return null;
            }

            var value = line[(colon + 1)..].Trim();
            switch (line[..colon].Trim())
            {
                // Of a key that is given twice the first one counts, but for mx (RFC 8461, 3.2).
                case "version":
                    version ??= value;
                    break;
                case "mode":
                    mode ??= value;
                    break;
                case "max_age":
                    age ??= value;
                    break;
                case "mx" when mx.Count < MaxPatterns:
                    mx.Add(value.TrimEnd('.').ToLowerInvariant());
                    break;
            }
        }

        problem = version != "STSv1" ? "its version is not STSv1"
            : ModeOf(mode) is null ? "its mode is none of enforce, testing and none"
            : AgeOf(age) is null ? "its max_age is not a number of seconds up to a year"
            : mx.Count == 0 && ModeOf(mode) != StsMode.None ? "it names no mx"
            : "";
        return problem.Length == 0 ? new StsPolicy(ModeOf(mode)!.Value, AgeOf(age)!.Value, mx) { Text = text } : null;
    }

    private static StsMode? ModeOf(string? word) => word switch
    {
        "enforce" => StsMode.Enforce,
        "testing" => StsMode.Testing,
        "none" => StsMode.None,
        _ => null,
    };

    private static TimeSpan? AgeOf(string? word) =>
        word is { Length: <= 10 } && int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= LongestAgeSeconds
            ? TimeSpan.FromSeconds(seconds)
            : null;

    private static bool Matches(string pattern, string host) =>
        pattern.StartsWith("*.", StringComparison.Ordinal)
            ? host.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot && host.AsSpan(dot).Equals(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase)
            : host.Equals(pattern, StringComparison.OrdinalIgnoreCase);
}

internal enum StsMode
{
    /// <summary>The domain has taken its policy back.</summary>
    None,

    /// <summary>Failures are told to the domain, and mail goes all the same.</summary>
    Testing,

    /// <summary>Mail goes only to a host that the policy names and whose certificate proves it.</summary>
    Enforce,
}
