namespace Relay.Delivery.TlsPolicies;

/// <summary>The TXT record that says that a domain has a policy, and which (RFC 8461, 3.1).</summary>
internal static class StsRecord
{
    private const int MaxId = 32;

    /// <summary>The name whose TXT records are asked for.</summary>
    public static string NameFor(string domain) => $"_mta-sts.{domain}";

    /// <summary>The id of the policy; null where the domain has none, or more than one record, which is the same.</summary>
    public static string? IdIn(IReadOnlyList<string> texts)
    {
        string? id = null;
        foreach (var text in texts)
        {
            if (!text.StartsWith("v=STSv1", StringComparison.Ordinal) || text[7..].TrimStart() is not [';', ..])
            {
                continue;
            }

            if (id is not null)
            {
                return null;
            }

            id = text.Split(';', StringSplitOptions.TrimEntries)
                .Where(field => field.StartsWith("id=", StringComparison.Ordinal))
                .Select(field => field[3..])
                .FirstOrDefault() ?? "";
        }

        return id is { Length: > 0 and <= MaxId } && id.All(char.IsAsciiLetterOrDigit) ? id : null;
    }
}
