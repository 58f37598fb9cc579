using System.ComponentModel;
using Relay.Intake.Templates.Handlebars;

namespace Relay.Intake.Http.Templates;

/// <summary>A template as it is to be, all of it.</summary>
internal sealed record TemplateRequest
{
    [Description("For people.")]
    public string? Name { get; init; }

    [Description("One line, in Handlebars: \"Your order {{order.number}}\".")]
    public string? Subject { get; init; }

    [Description("The body as plain text, in Handlebars; give it, html, or both.")]
    public string? Text { get; init; }

    [Description("The body as HTML, in Handlebars. What {{name}} prints is escaped, what {{{name}}} prints is not.")]
    public string? Html { get; init; }

    [Description("Refuse mail that lacks a variable which the template prints, instead of sending it with a gap.")]
    public bool Strict { get; init; }
}

internal sealed record PreviewRequest
{
    [Description("As in POST /send.")]
    public Value.Map? Variables { get; init; }
}
