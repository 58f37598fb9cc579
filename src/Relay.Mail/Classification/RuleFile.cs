using System.Collections.Frozen;

namespace Relay.Mail.Classification;

/// <summary>Reads the rules file. A mistake in it stops the start with its line.</summary>
internal sealed class RuleFile
{
    /// <summary>In this order, which the file must keep: what one provider says beats what a code means, which beats what words mostly mean.</summary>
    public static readonly IReadOnlyList<string> Sections = ["provider", "status", "text", "code"];

    private readonly Dictionary<string, BounceClass> _classes = [];
    private readonly Dictionary<string, List<Phrase>> _lists = [];
    private readonly List<ClassificationRule> _rules = [];
    private readonly List<Finding> _findings = [];
    private string _section = "";
    private Block? _block;

    private RuleFile()
    {
    }

    public static RuleFile Embedded { get; } = ReadEmbedded();

    public IReadOnlyList<ClassificationRule> Rules => _rules;

    public IReadOnlyList<Finding> Findings => _findings;

    public IReadOnlyCollection<BounceClass> Classes => _classes.Values;

    /// <summary>Where no rule fits.</summary>
    public BounceClass Undetermined => _classes["undetermined"];

    public static RuleFile Read(TextReader text)
    {
        var file = new RuleFile();
        var number = 0;
        try
        {
            while (text.ReadLine() is { } line)
            {
                number++;
                file.Take(line);
            }

            file.Close();
            return file;
        }
        catch (Exception e) when (e is FormatException or ArgumentException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"rules, line {number}: {e.Message}", e);
        }
    }

    private void Take(string line)
    {
        if (line.Length == 0 || line[0] == '#')
        {
            return;
        }

        if (line[0] == ' ')
        {
            (_block ?? throw new FormatException("a condition outside of a rule")).Add(Words(line, 2));
            return;
        }

        Close();
        switch (Words(line, 2))
        {
            case ["section", var name]:
                _section = Sections.Contains(name) ? name : throw new FormatException($"no such section: {name}");
                break;
            case ["class", var rest]:
                AddClass(Words(rest, 6));
                break;
            case ["phrases", var name]:
                _block = new Block(name, _section, null);
                break;
            case ["finding", var rest] when Words(rest, 4) is [var id, "->", var name, var because]:
                AddFinding(id, name, because);
                break;
            case ["rule", var rest] when Words(rest, 3) is [var id, "->", var name]:
                _block = new Block(id, _section, name);
                break;
            default:
                throw new FormatException("neither class nor finding nor phrases nor rule");
        }
    }

    private static RuleFile ReadEmbedded()
    {
        using var stream = typeof(RuleFile).Assembly.GetManifestResourceStream("Relay.Mail.Classification.rules.txt")!;
        using var reader = new StreamReader(stream);
        return Read(reader);
    }

    private static string[] Words(string line, int count) => line.Split(' ', count, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    // class NAME FAULT SEVERITY PERMANENT TRANSIENT REASON
    private void AddClass(string[] words)
    {
        if (words is not [var name, var fault, var severity, var permanent, var transient, _])
        {
            throw new FormatException("a class needs name, fault, severity, what follows when permanent and when transient, and its reason");
        }

        _classes.Add(name, new BounceClass(
            name, Enum.Parse<Fault>(fault, ignoreCase: true), Enum.Parse<Severity>(severity, ignoreCase: true), ReadConsequence(permanent), ReadConsequence(transient)));
    }

    // finding ID -> CLASS REASON
    private void AddFinding(string id, string name, string because)
    {
        RequireNew(id);
        _findings.Add(new Finding(id, _classes[name], because));
    }

    private void RequireNew(string id)
    {
        if (_rules.Exists(rule => rule.Id == id) || _findings.Exists(finding => finding.Id == id))
        {
            throw new FormatException($"{id} stands twice");
        }
    }

    private static Consequence ReadConsequence(string text) => text.Split('+')
        .Aggregate(Consequence.None, (all, one) => all | Enum.Parse<Consequence>(one.Replace("-", "", StringComparison.Ordinal), ignoreCase: true));

    private void Close()
    {
        if (_block is not { } block)
        {
            return;
        }

        _block = null;

        if (block.Class is null)
        {
            _lists.Add(block.Id, block.Says(_lists));
            return;
        }

        RequireNew(block.Id);
        _rules.Add(block.Build(_classes, _lists));
    }

    /// <summary>The indented lines below a head.</summary>
    private sealed class Block(string id, string section, string? @class)
    {
        private readonly List<(string Name, string Value)> _lines = [];

        public string Id { get; } = id;

        public string? Class { get; } = @class;

        public void Add(string[] words)
        {
            if (words is not [var name, var value] || !Names.Contains(name))
            {
                throw new FormatException($"neither of {string.Join(", ", Names)}, with a value");
            }

            _lines.Add((name, value));
        }

        public List<Phrase> Says(Dictionary<string, List<Phrase>> lists) =>
            [.. Values("says").SelectMany(value => value[0] == '@' && value.Length > 1 && value[1] != ' ' ? lists[value[1..]] : [new Phrase(value)])];

        public ClassificationRule Build(Dictionary<string, BounceClass> classes, Dictionary<string, List<Phrase>> lists) => new()
        {
            Id = Id,
            Section = section,
            Class = classes[Class!],
            Because = Values("because").Single(),
            Hosts = Words("host"),
            Codes = [.. Words("code").Select(word => int.Parse(word, null))],
            Statuses = [.. Words("status").Select(StatusPattern.Parse)],
            Phases = [.. Words("phase").Select(word => Enum.Parse<SmtpPhase>(word, ignoreCase: true))],
            Says = Says(lists),
            Example = new RuleExample(
                Values("example").Single(),
                Values("from").SingleOrDefault(),
                Values("at").SingleOrDefault() is { } at ? Enum.Parse<SmtpPhase>(at, ignoreCase: true) : SmtpPhase.Unknown),
        };

        private static readonly FrozenSet<string> Names = FrozenSet.ToFrozenSet(["because", "host", "code", "status", "phase", "says", "example", "from", "at"]);

        private IEnumerable<string> Values(string name) => _lines.Where(line => line.Name == name).Select(line => line.Value);

        private string[] Words(string name) => [.. Values(name).SelectMany(value => value.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
    }
}
