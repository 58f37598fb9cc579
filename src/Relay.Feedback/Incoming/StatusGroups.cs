namespace Relay.Feedback.Incoming;

/// <summary>What a delivery-status part says of one recipient (RFC 3464, 2.3).</summary>
internal sealed class StatusGroup
{
    public required FieldList Message { get; init; }

    public FieldList Fields { get; } = new();

    public string? FinalRecipient => Fields["Final-Recipient"];

    public string Action => (Fields["Action"] ?? "").Split(' ', '(', ';')[0].ToLowerInvariant();

    public string? Status => Fields["Status"];

    /// <summary>The words of the remote without the type in front of them.</summary>
    public string? Diagnostic => Fields["Diagnostic-Code"] is { } code ? Type(code, out var rest) is null ? code : rest : null;

    /// <summary><c>smtp</c> where a remote spoke; anything else where the reporting host did.</summary>
    public string? DiagnosticType => Fields["Diagnostic-Code"] is { } code ? Type(code, out _) : null;

    public string? Host => NameOf(Fields["Remote-MTA"]) ?? NameOf(Message["Reporting-MTA"]);

    private static string? Type(string value, out string rest)
    {
        var semicolon = value.IndexOf(';', StringComparison.Ordinal);
        rest = semicolon < 0 ? value : value[(semicolon + 1)..].Trim();
        return semicolon is > 0 and < 40 && !value.AsSpan(0, semicolon).Contains(' ') ? value[..semicolon].ToLowerInvariant() : null;
    }

    // dns; mx.example.net (192.0.2.1)
    private static string? NameOf(string? field)
    {
        if (field is null)
        {
            return null;
        }

        Type(field, out var name);
        name = name.Split(' ', '(', '[')[0].Trim().TrimEnd('.');
        return name.Length > 0 ? name : null;
    }
}

/// <summary>
/// Reads groups of fields. Blank lines are missing, doubled or in the wrong place in real reports, so a group ends where
/// a field that stands once in each begins again.
/// </summary>
internal static class StatusGroups
{
    // More recipients than one of our transactions carries; each costs a look through all rules.
    private const int MaxGroups = 100;

    private static readonly string[] OncePerRecipient = ["Final-Recipient", "Original-Recipient", "Action", "Status", "Diagnostic-Code"];

    public static IReadOnlyList<StatusGroup> Read(string text)
    {
        var groups = new List<StatusGroup>();
        var message = new FieldList();
        StatusGroup? group = null;
        var blank = false;
        foreach (var (name, value) in FieldList.ReadFields(text))
        {
            if (name is null)
            {
                blank |= string.IsNullOrWhiteSpace(value);
                continue;
            }

            var opens = OncePerRecipient.Contains(name, StringComparer.OrdinalIgnoreCase);
            if (opens && (group is null || group.Fields.Has(name) || (blank && group.FinalRecipient is not null && name.EndsWith("Recipient", StringComparison.OrdinalIgnoreCase))))
            {
                if (groups.Count == MaxGroups)
                {
                    break;
                }

                groups.Add(group = new StatusGroup { Message = message });
            }

            (group?.Fields ?? message).Add(name, value);
            blank = false;
        }

        return groups;
    }

    public static string Before(string text)
    {
        var end = text.Length;
        foreach (var mark in new[] { "Content-Type: message/delivery-status", "\nReporting-MTA:", "\nFinal-Recipient:" })
        {
            var at = text.IndexOf(mark, StringComparison.OrdinalIgnoreCase);
            end = at >= 0 && at < end ? at : end;
        }

        return text[..end];
    }

    /// <summary>Whether a text, sent as anything, holds such fields: some put them where people read.</summary>
    public static bool AreIn(string text) =>
        text.Contains("Final-Recipient:", StringComparison.OrdinalIgnoreCase) && text.ContainsAny("Action:", "Status:", "Diagnostic-Code:");
}
