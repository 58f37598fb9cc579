using System.Globalization;

namespace Relay.Delivery.Providers;

/// <summary>Reads a rules file for providers. A mistake in it is told with its line.</summary>
internal sealed class ProviderFile
{
    private readonly List<ProviderRule> _rules = [];
    private ProviderRule? _block;

    private ProviderFile()
    {
    }

    /// <summary>The rules that come with Relay.</summary>
    public static IReadOnlyList<ProviderRule> Embedded { get; } = ReadEmbedded();

    /// <exception cref="FormatException">It has a mistake.</exception>
    public static IReadOnlyList<ProviderRule> Read(TextReader text)
    {
        var file = new ProviderFile();
        var number = 0;
        try
        {
            while (text.ReadLine() is { } line)
            {
                number++;
                file.Take(line);
            }

            file.Close();
            return file._rules;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new FormatException($"line {number}: {e.Message}", e);
        }
    }

    /// <summary>The operator's rules before those that come with Relay; of one name, his lines count.</summary>
    /// <exception cref="FormatException">A rule of his names no exchanger and is not known.</exception>
    public static IReadOnlyList<ProviderRule> Merge(IReadOnlyList<ProviderRule> own, IReadOnlyList<ProviderRule> shipped)
    {
        var merged = own.Select(rule => shipped.FirstOrDefault(s => s.Name == rule.Name) is { } known ? rule.Over(known) : rule).ToList();
        return merged.Find(rule => rule.Mx.Count == 0) is { } nowhere
            ? throw new FormatException($"provider {nowhere.Name} is not one that comes with Relay, so it needs mx lines")
            : [.. merged, .. shipped.Where(rule => own.All(o => o.Name != rule.Name))];
    }

    private static IReadOnlyList<ProviderRule> ReadEmbedded()
    {
        using var stream = typeof(ProviderFile).Assembly.GetManifestResourceStream("Relay.Delivery.Providers.rules.txt")!;
        using var reader = new StreamReader(stream);
        return Read(reader);
    }

    private void Take(string line)
    {
        if (line.Length == 0 || line[0] == '#')
        {
            return;
        }

        var words = line.Split((char[]?)null, 2, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (line[0] == ' ')
        {
            _block = Add(_block ?? throw new FormatException("a line outside of a provider"), words);
            return;
        }

        Close();
        _block = words is ["provider", var name] && !name.Contains(' ', StringComparison.Ordinal)
            ? new ProviderRule { Name = name }
            : throw new FormatException("a rule begins with: provider NAME");
    }

    private void Close()
    {
        if (_block is not { } block)
        {
            return;
        }

        _block = null;
        _rules.Add(_rules.TrueForAll(rule => rule.Name != block.Name) ? block : throw new FormatException($"{block.Name} stands twice"));
    }

    private static ProviderRule Add(ProviderRule rule, string[] words) => words switch
    {
        ["because", var reason] => rule with { Because = reason },
        ["mx", var host] => rule with { Mx = [.. rule.Mx, host.ToLowerInvariant()] },
        ["connections", var rest] => rule with { Connections = Limit(rest, Count) },
        ["messages", var rest] => rule with { Messages = Limit(rest, Count) },
        ["rate", var rest] => rule with { Rate = Limit(rest, Rate.Parse) },
        ["example", var host] => rule with { Example = host },
        _ => throw new FormatException("neither of because, mx, connections, messages, rate, example, with a value"),
    };

    // VALUE REASON
    private static Limited<T> Limit<T>(string text, Func<string, T> read) =>
        text.Split(' ', 2, StringSplitOptions.TrimEntries) is [var value, { Length: > 0 } reason]
            ? new Limited<T>(read(value), reason)
            : throw new FormatException("a limit needs its reason behind it");

    private static int Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is > 0 and <= 100_000
            ? count
            : throw new FormatException($"'{text}' is not a number from 1 to 100000");
}
