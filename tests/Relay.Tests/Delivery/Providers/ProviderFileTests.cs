using Relay.Delivery.Providers;

namespace Relay.Tests.Delivery.Providers;

public sealed class ProviderFileTests
{
    public static TheoryData<string> Names => [.. ProviderFile.Embedded.Select(rule => rule.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_rule_decides_its_example_and_every_exchanger_it_names(string name)
    {
        var rule = ProviderFile.Embedded.Single(rule => rule.Name == name);

        Assert.Equal(name, Decides(rule.Example!));
        Assert.All(rule.Mx, mx =>
        {
            Assert.Equal(name, Decides(mx));
            Assert.Equal(name, Decides($"mx1.{mx}"));
        });
    }

    [Fact]
    public void Each_limit_has_its_reason_and_each_rule_says_who_it_is()
    {
        Assert.All(ProviderFile.Embedded, rule =>
        {
            Assert.NotEmpty(rule.Because);
            Assert.NotEmpty(rule.Mx);
            Assert.NotNull(rule.Connections);
            Assert.All([rule.Connections?.Reason, rule.Messages?.Reason, rule.Rate?.Reason], reason => Assert.True(reason is null or { Length: > 10 }));
        });
    }

    [Theory]
    [InlineData("notgoogle.com")]
    [InlineData("google.com.example")]
    [InlineData("mx.example.com")]
    public void Whoever_is_called_like_a_provider_is_not_one(string host)
    {
        Assert.Null(ProviderFile.Embedded.FirstOrDefault(rule => rule.Fits(host)));
    }

    [Fact]
    public void An_operators_lines_count_before_ours_and_the_rest_stays()
    {
        var own = ProviderFile.Read(new StringReader("provider google\n  connections 50 They know us.\n\nprovider partner\n  mx partner.example\n  rate 10/1s By contract.\n"));

        var rules = ProviderFile.Merge(own, ProviderFile.Embedded);

        Assert.Equal(["google", "partner"], rules.Take(2).Select(rule => rule.Name));
        Assert.Equal((50, 100), (rules[0].Connections!.Value, rules[0].Messages!.Value));
        Assert.True(rules[0].Fits("aspmx.l.google.com"));
        Assert.Equal(new Rate(10, TimeSpan.FromSeconds(1)), rules[1].Rate!.Value);
        Assert.Equal(ProviderFile.Embedded.Count + 1, rules.Count);
    }

    [Fact]
    public void A_new_provider_needs_to_say_who_it_is()
    {
        var own = ProviderFile.Read(new StringReader("provider partner\n  connections 5 Agreed.\n"));

        Assert.Contains("partner", Assert.Throws<FormatException>(() => ProviderFile.Merge(own, ProviderFile.Embedded)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("provider a\n  connections 5", 2)]
    [InlineData("provider a\n  connections many Why.", 2)]
    [InlineData("provider a\n  connections 0 Why.", 2)]
    [InlineData("provider a\n  rate 5 Why.", 2)]
    [InlineData("provider a\n  rate 5/0m Why.", 2)]
    [InlineData("provider a\n  rate 5/3d Why.", 2)]
    [InlineData("provider a\n  rate 1/2147483647h Why.", 2)]
    [InlineData("provider a\n  rate 1/8785h Why.", 2)]
    [InlineData("provider a\n  speed 5 Why.", 2)]
    [InlineData("  mx a.example", 1)]
    [InlineData("receiver a", 1)]
    [InlineData("provider a\n  mx a.example\nprovider a\n  mx b.example\n", 4)]
    public void A_mistake_is_told_with_its_line(string text, int line)
    {
        Assert.StartsWith($"line {line}:", Assert.Throws<FormatException>(() => ProviderFile.Read(new StringReader(text))).Message);
    }

    [Theory]
    [InlineData("500/1m", 500, 60)]
    [InlineData("10/1s", 10, 1)]
    [InlineData("5000/2h", 5000, 7200)]
    [InlineData("1/8784h", 1, 31_622_400)]
    public void A_rate_is_read_and_written_alike(string text, int messages, int seconds)
    {
        Assert.Equal(new Rate(messages, TimeSpan.FromSeconds(seconds)), Rate.Parse(text));
        Assert.Equal(text, Rate.Parse(text).ToString());
    }

    private static string? Decides(string host) => ProviderFile.Embedded.FirstOrDefault(rule => rule.Fits(host))?.Name;
}
