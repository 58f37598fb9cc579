using System.Text.Json;
using Relay.Intake.Templates.Handlebars;
using Relay.TestKit;

namespace Relay.Tests.Intake.Templates;

/// <summary>
/// What Handlebars.js 4.7 makes of sources of ours, as HTML and, with nothing escaped, as text: people bring their templates along, and
/// know what they mean.
/// </summary>
public sealed class ConformanceTests
{
    [Fact]
    public void Sources_mean_what_they_mean_to_Handlebars()
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests", "Relay.Tests", "Intake", "Templates", "handlebars-js.json")));
        var variables = file.RootElement.GetProperty("variables").GetRawText();
        var cases = file.RootElement.GetProperty("cases").EnumerateArray().ToList();

        Assert.True(cases.Count > 150, "the table is shorter than it was");
        foreach (var known in cases)
        {
            var source = known.GetProperty("source").GetString()!;
            foreach (var (kind, escapes) in new[] { ("html", true), ("text", false) })
            {
                var (expected, actual) = (known.GetProperty(kind).GetString(), Rendering.Try(source, variables, escapes));
                Assert.True(expected == actual, $"{kind} of {source}\nexpected: {expected}\nactual:   {actual}");
            }
        }
    }

    [Theory]
    [InlineData("{{order}}", """{ "order": 12345678901234567890 }""", "12345678901234567890")]
    [InlineData("{{price}}", """{ "price": 12.50 }""", "12.50")]
    [InlineData("{{#equals price 12.5}}same{{/equals}}", """{ "price": 12.50 }""", "same")]
    [InlineData("{{#equals n \"5\"}}a{{else}}b{{/equals}}", """{ "n": 5 }""", "a")]
    [InlineData("{{#equals n m}}a{{else}}b{{/equals}}", """{ "n": null }""", "a")]
    [InlineData("{{#notEquals n \"x\"}}a{{/notEquals}}", """{ "n": "y" }""", "a")]
    [InlineData("{{#greaterThan (length items) 1}}many{{else}}few{{/greaterThan}}", """{ "items": [1, 2] }""", "many")]
    [InlineData("{{#lessThan \"9\" \"10\"}}as numbers{{/lessThan}}", "{}", "as numbers")]
    [InlineData("{{#and a b}}both{{else}}not both{{/and}}", """{ "a": true, "b": 0 }""", "not both")]
    [InlineData("{{#or a b}}one{{/or}}", """{ "b": 1 }""", "one")]
    [InlineData("Hi {{insert name \"default=Customer\"}}", "{}", "Hi Customer")]
    [InlineData("Hi {{insert name \"default=Customer\"}}", """{ "name": "Ada" }""", "Hi Ada")]
    [InlineData("{{length}} {{default}}", """{ "length": "variables", "default": "too" }""", "variables too")]
    [InlineData("{{items.0.name}}", """{ "items": [{ "name": "a" }] }""", "a")]
    [InlineData("{{#if a}}1{{else if b}}2{{else each c}}3{{else}}4{{/if}}", """{ "c": [1, 1] }""", "33")]
    public void Where_Handlebars_knows_nothing_or_loses_something_it_is_as_users_of_such_services_expect(string source, string variables, string expected)
    {
        Assert.Equal(expected, Rendering.Try(source, variables, escapes: false));
    }

    [Fact]
    public void A_chain_of_else_may_be_long()
    {
        var chain = "{{#if a0}}0" + string.Concat(Enumerable.Range(1, 2_000).Select(i => $"{{{{else if a{i}}}}}{i}")) + "{{else}}none{{/if}}";

        Assert.Equal("1999", Rendering.Try(chain, """{ "a1999": true }""", escapes: true));
        Assert.Equal("none", Rendering.Try(chain, "{}", escapes: true));
    }

    [Fact]
    public void What_was_to_be_printed_and_is_not_there_is_told()
    {
        var renderer = new Renderer(Rendering.VariablesOf("""{ "user": {}, "nothing": null, "items": [{}, {}] }"""), new RenderBudget(), escapes: true);

        renderer.Render(TemplateParser.Parse("{{user.name}} {{nothing}} {{default nick \"x\"}} {{#if gone}}{{/if}} {{#each items}}{{price}}{{/each}} {{user.name}}"));

        Assert.Equal(["user.name", "price"], renderer.Missing);
    }
}
