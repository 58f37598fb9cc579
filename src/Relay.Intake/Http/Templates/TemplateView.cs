using Relay.Intake.Templates;
using Relay.Mail.Templates;

namespace Relay.Intake.Http.Templates;

/// <param name="Version">One more with each change.</param>
internal sealed record TemplateView(string Id, string Name, int Version, bool Strict, DateTimeOffset CreatedAt, DateTimeOffset ChangedAt)
{
    public string? Subject { get; init; }

    /// <summary>Lists leave it out, and the HTML too.</summary>
    public string? Text { get; init; }
    public string? Html { get; init; }

    public static TemplateView Of(MailTemplate template) => OfHead(template) with { Text = template.Text, Html = template.Html };

    public static TemplateView OfHead(MailTemplate template) =>
        new(template.Id, template.Name, template.Version, template.IsStrict, template.CreatedAt, template.ChangedAt) { Subject = template.Subject };
}

/// <param name="Missing">Variables that were to be printed and that were not given.</param>
internal sealed record RenderedView(string? Subject, string? Text, string? Html, IReadOnlyList<string> Missing)
{
    public static RenderedView Of(RenderedTemplate rendered) => new(rendered.Subject, rendered.Text, rendered.Html, rendered.Missing);
}
