namespace Relay.Intake.Domains;

/// <summary>A list of tags like <c>v=DKIM1; k=rsa; p=...</c> (RFC 6376, 3.2), which DMARC uses too.</summary>
internal static class TagList
{
    /// <summary>Null when a tag occurs twice or a part is no tag: such a record counts for nothing.</summary>
    public static IReadOnlyDictionary<string, string>? Read(string text)
    {
        var tags = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var part in text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !tags.TryAdd(part[..equals].TrimEnd(), part[(equals + 1)..].TrimStart()))
            {
                return null;
            }
        }

        return tags;
    }

    /// <summary>The first tag is this version, as DMARC demands and DKIM recommends.</summary>
    public static bool Begins(string text, string version)
    {
        var first = text.Split(';', 2)[0].Split('=', 2, StringSplitOptions.TrimEntries);
        return first is ["v", var value] && value.Equals(version, StringComparison.OrdinalIgnoreCase);
    }
}
