using Relay.Intake.Http.Json;
using Relay.Intake.Templates.Handlebars;
using Relay.Mail.Templates;

namespace Relay.Intake.Templates;

/// <summary>A template read and checked, to be rendered many times.</summary>
internal sealed class ReadyTemplate
{
    private readonly bool _isStrict;
    private readonly IReadOnlyList<Node>? _subject;
    private readonly IReadOnlyList<Node>? _text;
    private readonly IReadOnlyList<Node>? _html;

    private ReadyTemplate(MailTemplate template, FieldErrors errors)
    {
        _isStrict = template.IsStrict;
        _subject = Parse(template.Subject, "subject", errors);
        _text = Parse(template.Text, "text", errors);
        _html = Parse(template.Html, "html", errors);
        Weight = WeightOf(template.Subject) + WeightOf(template.Text) + WeightOf(template.Html);
    }

    /// <summary>What it takes in memory, in characters.</summary>
    public int Weight { get; }

    /// <param name="errors">Gets what is wrong with each source, and where; with any of them it is not to be rendered.</param>
    public static ReadyTemplate Of(MailTemplate template, FieldErrors errors) => new(template, errors);

    /// <exception cref="ProblemException">It takes or writes too much with these variables, or is strict and lacks some.</exception>
    public RenderedTemplate Render(Value.Map variables, BatchSteps? batch = null)
    {
        batch?.RequireSome();
        var budget = new RenderBudget();
        try
        {
            return Render(variables, budget);
        }
        finally
        {
            batch?.Take(budget.StepsTaken);
        }
    }

    private RenderedTemplate Render(Value.Map variables, RenderBudget budget)
    {
        var missing = new List<string>();
        var rendered = new RenderedTemplate(
            Render(_subject, escapes: false, "subject"), Render(_text, escapes: false, "text"), Render(_html, escapes: true, "html"), missing);
        return _isStrict && missing.Count > 0
            ? throw new ProblemException(Problem.Unprocessable("variables", $"lack what the template prints, and it is strict: {string.Join(", ", missing)}"))
            : rendered;

        string? Render(IReadOnlyList<Node>? source, bool escapes, string field)
        {
            if (source is null)
            {
                return null;
            }

            var renderer = new Renderer(variables, budget, escapes);
            try
            {
                var words = renderer.Render(source);
                missing.AddRange(renderer.Missing.Except(missing));
                return words;
            }
            catch (RenderFault fault)
            {
                throw new ProblemException(Problem.Unprocessable("template", $"{fault.Message} (in its {field})"));
            }
        }
    }

    // A tag of five characters becomes objects of some hundred octets.
    private static int WeightOf(string? source) => source is null ? 0 : source.Length + (100 * source.AsSpan().Count("{{"));

    private static IReadOnlyList<Node>? Parse(string? source, string field, FieldErrors errors)
    {
        try
        {
            return source is null ? null : TemplateParser.Parse(source);
        }
        catch (TemplateFault fault)
        {
            errors.Add(field, fault.Words);
            return null;
        }
    }
}

/// <param name="Missing">Variables that were to be printed and that nobody gave, as the template calls them.</param>
internal sealed record RenderedTemplate(string? Subject, string? Text, string? Html, IReadOnlyList<string> Missing)
{
    /// <summary>That it takes in memory.</summary>
    public int Octets => sizeof(char) * ((Subject?.Length ?? 0) + (Text?.Length ?? 0) + (Html?.Length ?? 0));
}
