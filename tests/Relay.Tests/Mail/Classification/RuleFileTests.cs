using Relay.Mail.Classification;
using Relay.Smtp.Replies;

namespace Relay.Tests.Mail.Classification;

public sealed class RuleFileTests
{
    public static TheoryData<string> Ids => [.. RuleFile.Embedded.Rules.Select(rule => rule.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Each_rule_decides_its_own_example(string id)
    {
        var rule = RuleFile.Embedded.Rules.Single(rule => rule.Id == id);

        var result = ReplyClassifier.Default.Classify(RemoteWords.Read(rule.Example.Text, rule.Example.Host, rule.Example.Phase));

        Assert.Equal((rule.Id, rule.Class.Name), (result.Rule, result.Class));
        Assert.NotEmpty(rule.Because);
    }

    [Fact]
    public void Each_phrase_decides_somewhere()
    {
        var rules = RuleFile.Embedded.Rules;
        // Several rules may share a list, of which a narrower rule takes some first; a phrase must decide for one of them.
        var alive = new HashSet<string>();
        foreach (var rule in rules)
        {
            foreach (var phrase in rule.Says.Where(phrase => !alive.Contains(phrase.Text)))
            {
                if (AllWordsOf(rule, phrase).Any(words => ReplyClassifier.Default.Classify(words).Rule == rule.Id))
                {
                    alive.Add(phrase.Text);
                }
            }
        }

        Assert.Empty(rules.SelectMany(rule => rule.Says).Select(phrase => phrase.Text).Except(alive));
    }

    [Fact]
    public void Sections_and_classes_are_used_and_in_order()
    {
        var file = RuleFile.Embedded;

        Assert.Equal(RuleFile.Sections, file.Rules.Select(rule => rule.Section).Distinct());
        Assert.Empty(file.Classes.Select(c => c.Name)
            .Except(file.Rules.Select(rule => rule.Class.Name)).Except(file.Findings.Select(finding => finding.Class.Name)).Except(["undetermined"]));
    }

    [Fact]
    public void What_the_relay_finds_by_itself_is_explained_like_what_a_remote_says()
    {
        Assert.Equal(("unknown-domain", Fault.Recipient), ReplyClassifier.Default.Explain("route.no-such-domain"));
        Assert.Equal(("unknown-user", Fault.Recipient), ReplyClassifier.Default.Explain("status.1.1"));
        Assert.Equal(("undetermined", Fault.Undetermined), ReplyClassifier.Default.Explain("undetermined"));
        Assert.Null(ReplyClassifier.Default.Explain("no.such-rule"));
        Assert.All(RuleFile.Embedded.Findings, finding => Assert.NotEmpty(finding.Because));
    }

    [Fact]
    public void Only_the_address_or_its_closed_mailbox_is_ever_suppressed()
    {
        foreach (var @class in RuleFile.Embedded.Classes)
        {
            var suppresses = @class.Permanent.HasFlag(Consequence.Suppress);
            Assert.Equal(suppresses, @class.Fault == Fault.Recipient && @class.Severity == Severity.Hard || @class.Name == "mailbox-inactive");
            Assert.False(@class.Transient.HasFlag(Consequence.Bounce), $"{@class.Name} would end while the remote says to wait");
        }
    }

    [Theory]
    [InlineData("class c recipient hard bounce retry Why.\nfinding a -> c")]
    [InlineData("class c recipient hard bounce retry Why.\nfinding a -> c Why.\nfinding a -> c Why.")]
    [InlineData("class lonely recipient hard")]
    [InlineData("class odd weather hard bounce retry Because.")]
    [InlineData("rule a.b -> nothing\n  because x\n  example y")]
    [InlineData("  because of nothing")]
    [InlineData("section weather")]
    [InlineData("class c recipient hard bounce retry Why.\nrule a -> c\n  because x\n  says Loud\n  example y")]
    [InlineData("class c recipient hard bounce retry Why.\nrule a -> c\n  because x\n  mumbles z\n  example y")]
    public void A_mistake_in_the_file_is_named_with_its_line(string text)
    {
        var mistake = Assert.ThrowsAny<Exception>(() => RuleFile.Read(new StringReader(text)));

        Assert.Contains("rules, line", mistake.Message, StringComparison.Ordinal);
    }

    // The phrase as a remote would say it, under every combination of what else the rule asks for.
    private static IEnumerable<RemoteWords> AllWordsOf(ClassificationRule rule, Phrase phrase)
    {
        var text = phrase.Text.TrimEnd('*').Replace("* ", " ", StringComparison.Ordinal).Replace(" * ", " ada ", StringComparison.Ordinal);
        var codes = rule.Codes.Count == 0 ? [null, 550] : rule.Codes.Select(c => (int?)(c < 10 ? (c * 100) + 50 : c)).ToArray();
        var statuses = rule.Statuses.Count == 0
            ? [null]
            : rule.Statuses.Select(p => (EnhancedStatusCode?)new EnhancedStatusCode(p.Class, p.Subject ?? 0, p.Detail ?? 0)).ToArray();
        var phases = rule.Phases.Count == 0 ? Enum.GetValues<SmtpPhase>() : rule.Phases;
        var hosts = rule.Hosts.Count == 0 ? [null] : rule.Hosts.Select(h => (string?)$"mx.{h}").ToArray();
        return from code in codes
               from status in statuses
               from phase in phases
               from host in hosts
               select new RemoteWords { Code = code, Status = status, Text = text, Phase = phase, Host = host };
    }
}
