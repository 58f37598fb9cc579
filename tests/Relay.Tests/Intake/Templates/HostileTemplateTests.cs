using System.Globalization;
using System.Text;
using System.Text.Json;
using CsCheck;
using Relay.Intake.Templates.Handlebars;
using Relay.TestKit;

namespace Relay.Tests.Intake.Templates;

/// <summary>No reflection, includes or file access; caps on time, loops, output, depth; HTML-escaped by default.</summary>
public sealed class HostileTemplateTests
{
    [Theory]
    [InlineData("{{> header}}", "line 1, column 3: other templates cannot be put in")]
    [InlineData("{{#> layout}}{{/layout}}", "other templates cannot be put in")]
    [InlineData("{{> /etc/passwd}}", "other templates cannot be put in")]
    [InlineData("{{> (lookup . 'name')}}", "other templates cannot be put in")]
    [InlineData("{{#*inline \"a\"}}{{/inline}}", "decorators")]
    [InlineData("{{* decorate}}", "decorators")]
    [InlineData("{{{{raw}}}}{{{{/raw}}}}", "raw blocks")]
    [InlineData("a\nb {{include \"/etc/passwd\"}}", "line 2, column 5: there is no helper 'include'")]
    [InlineData("{{helperMissing a}}", "there is no helper")]
    [InlineData("{{log name}}", "there is no helper")]
    [InlineData("{{#if (exec 'rm')}}{{/if}}", "there is no helper 'exec'")]
    [InlineData("{{if a b}}", "there is no helper 'if'")]
    [InlineData("{{@partial-block}}", "there is no @partial-block")]
    public void Nothing_is_taken_in_from_elsewhere_and_nothing_else_is_called(string source, string words)
    {
        Assert.Contains(words, Rendering.Try(source, "{}", escapes: true), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("constructor")]
    [InlineData("__proto__")]
    [InlineData("GetType")]
    [InlineData("GetType.Assembly.Location")]
    [InlineData("ToString")]
    [InlineData("Members")]
    [InlineData("Members.Count")]
    [InlineData("Items")]
    [InlineData("Words")]
    [InlineData("Is")]
    [InlineData("Print")]
    [InlineData("EqualityContract")]
    [InlineData("Keys")]
    [InlineData("Count")]
    public void A_variable_leads_to_data_that_was_given_and_to_nothing_of_ours(string name)
    {
        const string Variables = """{ "map": { "a": 1 }, "list": [1], "text": "t", "number": 1.5, "yes": true, "none": null }""";
        string[] sources =
        [
            .. new[] { "this", "map", "list", "list.[0]", "text", "number", "yes", "none", "@root" }.SelectMany(start => new[]
            {
                $"{{{{{start}.{name}}}}}", $"{{{{#if {start}.{name}}}}}there{{{{/if}}}}", $"{{{{#with {start}.{name}}}}}there{{{{/with}}}}", $"{{{{lookup {start} \"{name}\"}}}}",
            }),
            $"{{{{#each map}}}}{{{{../{name}}}}}{{{{@key.{name}}}}}{{{{/each}}}}",
        ];

        Assert.All(sources, source => Assert.True(Rendering.Try(source, Variables, escapes: true) == "", source));
    }

    [Fact]
    public void The_code_that_renders_touches_neither_types_nor_files_nor_the_clock()
    {
        var files = Directory.GetFiles(Path.Combine(Repository.Root, "src", "Relay.Intake", "Templates"), "*.cs", SearchOption.AllDirectories);

        Assert.True(files.Length > 10);
        foreach (var word in new[] { "Reflection", "System.IO", "File.", "GetType", "dynamic ", "Activator", "Linq.Expressions", "Environment." })
        {
            Assert.DoesNotContain(files, file => File.ReadAllText(file).Contains(word, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("<script>alert('x')</script>")]
    [InlineData("\"><img src=x onerror=`x`>")]
    [InlineData("&lt;b&gt;")]
    public void Variables_are_escaped_in_HTML_unless_asked_for_raw_and_never_in_text(string evil)
    {
        var variables = JsonSerializer.Serialize(new { evil, map = new { evil }, list = new[] { evil } });

        foreach (var source in new[] { "{{evil}}", "{{map.evil}}", "{{list}}", "{{#each list}}{{this}}{{/each}}", "{{lookup map \"evil\"}}", "{{default none evil}}", "{{insert none evil}}", "{{#each map as |it|}}{{it}}{{/each}}" })
        {
            var html = Rendering.Try(source, variables, escapes: true);
            Assert.True(html.Length > evil.Length && html.AsSpan().IndexOfAny("<>\"'`") < 0, $"{source}: {html}");
            Assert.Equal(evil, Rendering.Try(source, variables, escapes: false));
        }

        Assert.Equal(evil + evil, Rendering.Try("{{{evil}}}{{&evil}}", variables, escapes: true));
        Assert.Equal("{{evil}}", Rendering.Try("{{evil}}", """{ "evil": "{{evil}}" }""", escapes: false));
    }

    [Theory]
    [InlineData("{{", "a tag is not closed")]
    [InlineData("a\n\n  {{name", "line 3, column 3: a tag is not closed")]
    [InlineData("{{}}", "a variable is missing")]
    [InlineData("{{{name}}", "'}' means nothing here")]
    [InlineData("{{\"x}}", "has no \" at its end")]
    [InlineData("{{[x}}", "has no ] at its end")]
    [InlineData("{{\"x\"}}", "a constant is printed")]
    [InlineData("{{true}}", "a constant is printed")]
    [InlineData("{{!-- x }}", "a comment is not closed")]
    [InlineData("{{#if a}}", "the block 'if' is not closed")]
    [InlineData("x{{#if a}}{{#each b}}{{/if}}", "line 1, column 22: this closes 'if', but the open block is 'each'")]
    [InlineData("{{/if}}", "there is no open block 'if'")]
    [InlineData("{{else}}", "there is no block for this else")]
    [InlineData("{{#if a}}{{else}}{{else}}{{/if}}", "has its else already")]
    [InlineData("{{#if a}}{{else}}{{else if b}}{{/if}}", "has its else already")]
    [InlineData("{{^a}}{{else if b}}{{/a}}", "no else with a condition")]
    [InlineData("{{#if}}{{/if}}", "a variable is missing")]
    [InlineData("{{#if a b}}{{/if}}", "'b' is more than is taken here")]
    [InlineData("{{#if a=1}}{{/if}}", "'=' is more than is taken here")]
    [InlineData("{{#if a includeZero=1}}{{/if}}", "includeZero must be true or false")]
    [InlineData("{{#each a as |}}{{/each}}", "one or two names")]
    [InlineData("{{#each a as |x y z|}}{{/each}}", "one or two names")]
    [InlineData("{{#if a as |x|}}{{/if}}", "is more than is taken here")]
    [InlineData("{{equals a}}", "the helper 'equals' takes 2 values")]
    [InlineData("{{#equals a b c}}{{/equals}}", "the helper 'equals' takes 2 values")]
    [InlineData("{{a b=1}}", "there is no helper 'a'")]
    [InlineData("{{#if (equals a b}}{{/if}}", "a parenthesis is not closed")]
    [InlineData("{{#if ()}}{{/if}}", "the name of a helper is missing")]
    [InlineData("{{a..b}}", "there is no helper 'a'")]
    [InlineData("{{a.}}", "a name is missing")]
    [InlineData("{{a/../b}}", "may only stand at the beginning")]
    [InlineData("{{a.this}}", "may only stand at the beginning")]
    [InlineData("{{@}}", "a name is missing")]
    [InlineData("{{@foo}}", "there is no @foo")]
    [InlineData("{{#}}{{/}}", "a block has no name")]
    [InlineData("{{a;b}}", "';' means nothing here")]
    [InlineData("{{a, b}}", "',' means nothing here")]
    public void A_source_that_is_none_is_refused_with_its_place(string source, string words)
    {
        var said = Rendering.Try(source, "{}", escapes: true);

        Assert.StartsWith("is wrong in line ", said, StringComparison.Ordinal);
        Assert.Contains(words, said, StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_tags_and_length_have_an_end()
    {
        Assert.Equal("x", Rendering.Try(Nested(TemplateLimits.MaxBlocks), """{ "a": true }""", escapes: true));
        Assert.Contains("blocks stand within each other", Rendering.Try(Nested(TemplateLimits.MaxBlocks + 1), "{}", escapes: true), StringComparison.Ordinal);
        Assert.Contains("blocks stand within each other", Rendering.Try(string.Concat(Enumerable.Repeat("{{#a}}", 4_000)), "{}", escapes: true), StringComparison.Ordinal);

        Assert.Contains("parentheses stand within each other", Rendering.Try($"{{{{#if {string.Concat(Enumerable.Repeat("(not ", 100))}}}}}{{{{/if}}}}", "{}", escapes: true), StringComparison.Ordinal);
        Assert.Contains("longer than", Rendering.Try($"{{{{{new string('(', 200_000)}}}}}", "{}", escapes: true), StringComparison.Ordinal);
        Assert.Contains("longer than", Rendering.Try($"{{{{{new string('a', 200_000)}}}}}", "{}", escapes: true), StringComparison.Ordinal);
        Assert.Contains("has no \" at its end", Rendering.Try($"{{{{default a \"{new string('a', 200_000)}\"}}}}", "{}", escapes: true), StringComparison.Ordinal);
        Assert.Contains("longer than", Rendering.Try($"{{{{a{string.Concat(Enumerable.Repeat(".a", 100_000))}}}}}", "{}", escapes: true), StringComparison.Ordinal);
        Assert.Contains("more than 5000 tags", Rendering.Try(string.Concat(Enumerable.Repeat("{{a}}", 50_000)), "{}", escapes: true), StringComparison.Ordinal);

        static string Nested(int blocks) => string.Concat(Enumerable.Repeat("{{#if a}}", blocks)) + "x" + string.Concat(Enumerable.Repeat("{{/if}}", blocks));
    }

    [Theory]
    [InlineData("{{#each a}}{{#each ../a}}{{#each ../../a}}{{#each ../../../a}}{{/each}}{{/each}}{{/each}}{{/each}}")]
    [InlineData("{{#each a}}{{#each @root.a}}{{#each @root.a}}x{{/each}}{{/each}}{{/each}}")]
    [InlineData("{{#a}}{{#../a}}{{#../../a}}{{/../../a}}{{/../a}}{{/a}}")]
    [InlineData("{{#each a}}{{#each ../a}}{{#if (equals @root.long @root.same)}}{{/if}}{{/each}}{{/each}}")]
    [InlineData("{{#each a}}{{#each ../a}}{{#if (lookup @root @root.long)}}{{/if}}{{/each}}{{/each}}")]
    [InlineData("{{#each a}}{{#each ../a}}{{#if (lookup @root @root.a)}}{{/if}}{{/each}}{{/each}}")]
    [InlineData("{{#each a}}{{#each ../a}}{{@root.none}}{{/each}}{{/each}}")]
    public void Loops_within_loops_end_soon_though_they_write_nothing(string source)
    {
        var variables = JsonSerializer.Serialize(new { a = Enumerable.Range(0, 1_000), @long = new string('x', 100_000), same = new string('x', 100_000) });

        Assert.Contains("steps to render", Rendering.Try(source, variables, escapes: true), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{#each a}}{{@root.long}}{{/each}}")]
    [InlineData("{{#each a}}{{{@root.long}}}{{/each}}")]
    [InlineData("{{#each a}}{{@root.tags}}{{/each}}")]
    public void Output_has_an_end(string source)
    {
        var variables = JsonSerializer.Serialize(new { a = Enumerable.Range(0, 1_000), @long = new string('x', 100_000), tags = new string('<', 100_000) });

        Assert.Contains("becomes longer than", Rendering.Try(source, variables, escapes: true), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"{0}\"")]
    [InlineData("{0}")]
    public void A_name_to_look_up_is_paid_for_by_its_length_whatever_it_is(string shape)
    {
        var name = string.Format(CultureInfo.InvariantCulture, shape, new string('7', 100_000));
        var variables = $$"""{ "a": [{{string.Join(',', Enumerable.Range(0, 1_000))}}], "long": {{name}} }""";

        Assert.Contains("steps to render", Rendering.Try("{{#each a}}{{#if (lookup @root @root.long)}}{{/if}}{{/each}}", variables, escapes: true), StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_printed_whole_is_paid_for_before_it_is_put_together()
    {
        var variables = JsonSerializer.Serialize(new { a = Enumerable.Range(0, 1_000), words = Enumerable.Repeat(new string('x', 400), 1_000) });

        Assert.Contains("steps to render", Rendering.Try("{{#each a}}{{#if (equals (default none @root.words) 1)}}{{/if}}{{/each}}", variables, escapes: true), StringComparison.Ordinal);
    }

    [Fact]
    public void One_budget_holds_for_the_whole_mail()
    {
        var budget = new RenderBudget();
        var (variables, half) = (Rendering.VariablesOf("{}"), TemplateParser.Parse(new string('x', TemplateLimits.MaxOutput / 2)));

        new Renderer(variables, budget, escapes: false).Render(half);
        new Renderer(variables, budget, escapes: true).Render(half);

        Assert.Throws<RenderFault>(() => new Renderer(variables, budget, escapes: true).Render(TemplateParser.Parse("x")));
    }

    [Theory]
    [InlineData("[]", "must be an object")]
    [InlineData("""{ "a": 1, "a": 2 }""", "twice")]
    [InlineData("""{ "a": { "b": 1, "b": 2 } }""", "twice")]
    public void Variables_that_are_none_are_refused(string json, string words)
    {
        Assert.Contains(words, Assert.ThrowsAny<JsonException>(() => Rendering.VariablesOf(json)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_have_an_end()
    {
        Refused($$"""{ "a": [{{string.Join(',', Enumerable.Repeat("1", TemplateLimits.MaxValues + 1))}}] }""", "values");
        Refused($$"""{ "a": "{{new string('x', TemplateLimits.MaxVariableText)}}" }""", "characters");
        Refused($$"""{ "{{new string('x', TemplateLimits.MaxVariableText + 1)}}": 1 }""", "characters");
        Refused($$"""{ "a": {{string.Concat(Enumerable.Repeat("[", 100))}}{{string.Concat(Enumerable.Repeat("]", 100))}} }""", "");

        static void Refused(string json, string words) =>
            Assert.Contains(words, Assert.ThrowsAny<JsonException>(() => Rendering.VariablesOf(json)).Message, StringComparison.Ordinal);
    }

    // Whatever is put together, it is refused in words or it is rendered within its budget.
    [Fact]
    public void No_source_does_anything_else_than_be_refused_or_rendered()
    {
        string[] fragments =
        [
            "{{", "}}", "{{{", "}}}", "{{#", "{{/", "{{^", "{{!", "{{!--", "--}}", "~", "{{~", "~}}", "if ", "each ", "with ", "unless ", "else", "else if ", "as |x|", "lookup ", "(", ")", "\"", "'", "[", "]",
            "../", "./", "this", ".", "/", "@index", "@root", "a", "b.c", " ", "\n", "\\", "\\{{", "equals ", "=", "includeZero=true", "1", "-1.5", "true", "&", ">", "*", "|", "\0", "é", "{{#if a}}", "{{/if}}",
            "{{#each list}}", "{{/each}}", "{{else}}", "{{x}}", "{{#with a}}", "{{/with}}", "text",
        ];
        const string Variables = """{ "a": { "b": 1 }, "b": { "c": "<" }, "list": [1, [2], { "a": null }], "x": "y" }""";

        Gen.OneOf(Gen.Int[0, fragments.Length - 1].Array[0, 40].Select(chosen => string.Concat(chosen.Select(i => fragments[i]))), Gen.String[0, 60]).Sample(source =>
        {
            var html = Rendering.Try(source, Variables, escapes: true);
            Assert.True(html.Length <= TemplateLimits.MaxOutput);
        });
    }
}
