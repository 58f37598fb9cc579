namespace Relay.Mail.Classification;

/// <summary>
/// The one judge of refusals, for replies of a live dialogue and for mailed reports alike. The rules stand in
/// <c>rules.txt</c>; the first that fits decides.
/// </summary>
public sealed class ReplyClassifier
{
    private readonly IReadOnlyList<ClassificationRule> _rules;
    private readonly Classification _undetermined;

    internal ReplyClassifier(RuleFile file)
    {
        _rules = file.Rules;
        _undetermined = Result("undetermined", file.Undetermined, permanent: true);
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

    private static Classification Result(string rule, BounceClass @class, bool permanent) =>
        new(rule, @class.Name, @class.Fault, @class.Severity, permanent ? @class.Permanent : @class.Transient);
}
