using Relay.Intake.Http.Json;
using Relay.Intake.Templates;
using Relay.Intake.Templates.Handlebars;

namespace Relay.Intake.Http.Sending;

/// <summary>Writes what a request leaves to a template.</summary>
internal sealed class TemplatedMail(TemplateShelf shelf)
{
    /// <summary>The same request with subject, text and HTML. A subject of its own wins.</summary>
    /// <exception cref="ProblemException">The template is not there, or cannot be rendered with these variables.</exception>
    public ValueTask<SendRequest> WriteAsync(SendRequest request, string account, BatchSteps? batch, CancellationToken cancellation) =>
        request.Template is { } id ? WriteAsync(request, id, account, batch, cancellation)
        : request.Variables is null ? ValueTask.FromResult(request)
        : throw new ProblemException(Problem.Unprocessable("variables", "are for a template, and none is named"));

    private async ValueTask<SendRequest> WriteAsync(SendRequest request, string id, string account, BatchSteps? batch, CancellationToken cancellation)
    {
        var errors = new FieldErrors();
        Refuse(request.Text, "text");
        Refuse(request.Html, "html");
        errors.ThrowIfAny();

        var template = await shelf.FindAsync(account, id, cancellation)
            ?? throw new ProblemException(Problem.Unprocessable("template", "is not the id of a template of the account"));
        var rendered = template.Render(request.Variables ?? Value.Map.Empty, batch);
        return request with { Subject = request.Subject ?? rendered.Subject, Text = rendered.Text, Html = rendered.Html };

        void Refuse(string? given, string field)
        {
            if (given is not null)
            {
                errors.Add(field, "cannot be given beside a template, which has its own");
            }
        }
    }
}
