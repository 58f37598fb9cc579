using System.Text;

namespace Relay.Feedback.Incoming;

/// <summary>Named lines, unfolded, in their order: a header, or a group of a report.</summary>
internal sealed class FieldList
{
    private readonly List<(string Name, string Value)> _fields = [];

    public int Count => _fields.Count;

    public IReadOnlyList<(string Name, string Value)> Fields => _fields;

    /// <summary>The first of that name; null where there is none.</summary>
    public string? this[string name] => _fields.Find(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    public IEnumerable<string> All(string name) => _fields.Where(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(field => field.Value);

    public bool Has(string name) => this[name] is not null;

    public void Add(string name, string value) => _fields.Add((name, value));

    /// <summary>Reads a header at the start of a text; what is no field in front of it is passed over, behind it the reading ends.</summary>
    public static FieldList Parse(string text)
    {
        var list = new FieldList();
        foreach (var (name, value) in ReadFields(text))
        {
            if (name is not null)
            {
                list.Add(name, value);
            }
            else if (list.Count > 1)
            {
                break;
            }
        }

        return list;
    }

    /// <summary>Every field of a text with its folded lines; a line that is none, or is empty, comes without a name.</summary>
    public static IEnumerable<(string? Name, string Value)> ReadFields(string text)
    {
        string? name = null;
        var value = new StringBuilder();
        foreach (var line in new StringReader(text).Lines())
        {
            if (name is not null && line.Length > 0 && line[0] is ' ' or '\t' && line.AsSpan().Trim().Length > 0)
            {
                value.Append(' ').Append(line.AsSpan().Trim());
                continue;
            }

            if (name is not null)
            {
                yield return (name, value.ToString());
                name = null;
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon is > 0 and < 80 && IsName(line.AsSpan(0, colon).TrimEnd()))
            {
                name = line[..colon].TrimEnd();
                value.Clear().Append(line.AsSpan(colon + 1).Trim());
                continue;
            }

            yield return (null, line);
        }

        if (name is not null)
        {
            yield return (name, value.ToString());
        }
    }

    private static bool IsName(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExceptInRange('!', '~');
}
