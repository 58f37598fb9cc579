using System.Collections.Frozen;

namespace Relay.Mail.Classification;

/// <summary>
/// The one judge of refusals, for replies of a live dialogue and for mailed reports alike. The rules stand in
/// <c>rules.txt</c>; the first that fits decides.
/// </summary>
public sealed class ReplyClassifier
{
    private readonly IReadOnlyList<ClassificationRule> _rules;
    private readonly Classification _undetermined;
    private readonly FrozenDictionary<string, BounceClass> _classes;

    internal ReplyClassifier(RuleFile file)
    {
        _rules = file.Rules;
        _undetermined = Result("undetermined", file.Undetermined, permanent: true);
        _classes = file.Rules.Select(rule => KeyValuePair.Create(rule.Id, rule.Class))
            .Concat(file.Findings.Select(finding => KeyValuePair.Create(finding.Id, finding.Class)))
            .Append(KeyValuePair.Create(_undetermined.Rule, file.Undetermined))
            .ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>The rules that come with Relay.</summary>
    public static ReplyClassifier Default { get; } = new(RuleFile.Embedded);

    internal IReadOnlyList<ClassificationRule> Rules => _rules;

    public Classification Classify(RemoteWords words)
    {
        foreach (var rule in _rules)
        {
            if (rule.Matches(words))
            {
                return Result(rule.Id, rule.Class, words.IsPermanent);
            }
        }

        return words.IsPermanent ? _undetermined : _undetermined with { Consequence = Consequence.Retry };
    }

    /// <summary>What stands behind the id that an event names; null for one that is not of this vocabulary.</summary>
    public (string Class, Fault Fault)? Explain(string rule) =>
        _classes.TryGetValue(rule, out var @class) ? (@class.Name, @class.Fault) : null;

    private static Classification Result(string rule, BounceClass @class, bool permanent) =>
        new(rule, @class.Name, @class.Fault, @class.Severity, permanent ? @class.Permanent : @class.Transient);
}
