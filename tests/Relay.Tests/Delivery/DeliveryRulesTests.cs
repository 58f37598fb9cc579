using System.Reflection;
using Relay.Delivery;
using Relay.Mail.Classification;

namespace Relay.Tests.Delivery;

public sealed class DeliveryRulesTests
{
    [Fact]
    public void All_that_delivery_finds_by_itself_stands_in_the_rules_file()
    {
        var rules = typeof(DeliveryRules).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!).ToArray();

        Assert.NotEmpty(rules);
        Assert.All(rules, rule => Assert.NotNull(ReplyClassifier.Default.Explain(rule)));
    }
}
