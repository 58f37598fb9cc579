using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Relay.Intake.Composition;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Intake.Http.Sending;
using Relay.Intake.Limits;
using Relay.Intake.Templates;
using Relay.Intake.Templates.Handlebars;
using Relay.Mail.Templates;

namespace Relay.Intake.Http.Templates;

/// <summary><c>/templates</c>: what mail is written from. A change counts for mail that is accepted after it; what was accepted before is written already.</summary>
internal sealed class TemplateEndpoints(ITemplateStore templates, TemplateShelf shelf, BodyBudget bodies, PreviewPace pace, TimeProvider time)
{
    /// <summary>Octets of a request: three sources, each character as the longest escape that JSON has for it.</summary>
    public const long MaxBody = (6 * ((2 * TemplateLimits.MaxSource) + TemplateLimits.MaxSubject)) + RequestBody.SmallBody;

    // A shop has some dozens.
    private const int MaxTemplates = 500;
    private const int MaxName = 100;

    // The store reads each of them whole, up to half a megabyte.
    private const int MaxPage = 100;

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        Reach.RequireWhole(context);
        var caller = Caller.Of(context);
        var now = time.GetUtcNow();
        var template = await ReadAsync(context, new MailTemplate
        {
            Id = ShortId.Create("tmpl"),
            Account = caller.Account,
            Name = "",
            Version = 1,
            CreatedAt = now,
            ChangedAt = now,
            By = caller.Id,
        });
        if (await templates.CountAsync(caller.Account, context.RequestAborted) >= MaxTemplates)
        {
            return new ProblemAnswer(Problem.Unprocessable(null, $"the account has {MaxTemplates} templates, as many as it may; remove some"));
        }

        await templates.TryAddAsync(template, context.RequestAborted);
        context.Response.Headers.Location = $"/templates/{template.Id}";
        return Answer(template, StatusCodes.Status201Created);
    }

    public async Task<IResult> ListAsync(HttpContext context, string? limit, string? cursor)
    {
        if (cursor is not null && !ShortId.IsOne("tmpl", cursor))
        {
            throw new ProblemException(Problem.Unprocessable("cursor", "must be the next of an earlier page"));
        }

        var most = Math.Min(PageRequest.Of(limit, null).Limit, MaxPage);
        var page = await templates.ListAsync(Caller.Of(context).Account, cursor, most, context.RequestAborted);
        return TypedResults.Json(new Page<TemplateView>([.. page.Templates.Select(TemplateView.OfHead)], page.Next), AnswerJson.Default.PageTemplateView);
    }

    public async Task<IResult> FindAsync(HttpContext context, string id) =>
        await templates.FindAsync(Caller.Of(context).Account, id, context.RequestAborted) is { } template ? Answer(template) : NotFound();

    public async Task<IResult> ChangeAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        var caller = Caller.Of(context);
        if (await templates.FindAsync(caller.Account, id, context.RequestAborted) is not { } known)
        {
            return NotFound();
        }

        var wish = await ReadAsync(context, known with { ChangedAt = time.GetUtcNow(), By = caller.Id });
        var changed = await templates.ChangeAsync(caller.Account, id, now => wish with { Version = now.Version + 1 }, context.RequestAborted);
        shelf.Forget(caller.Account, id);
        return changed is null ? NotFound() : Answer(changed);
    }

    public async Task<IResult> RemoveAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        var account = Caller.Of(context).Account;
        var removed = await templates.RemoveAsync(account, id, context.RequestAborted);
        shelf.Forget(account, id);
        return removed ? TypedResults.NoContent() : NotFound();
    }

    /// <summary>As mail would be written now. Nothing is sent.</summary>
    public async Task<IResult> PreviewAsync(HttpContext context, string id)
    {
        var account = Caller.Of(context).Account;
        if (pace.Take(account) is { } wait)
        {
            throw new ProblemException(Problem.TooMany("the account has had as many previews as it may in a minute", wait));
        }

        if (await shelf.FindAsync(account, id, context.RequestAborted) is not { } template)
        {
            return NotFound();
        }

        // Held until the answer has gone, and with it what the template made of it.
        var body = bodies.Open(context.Request.Body, account);
        context.Response.RegisterForDispose(body);
        var request = await RequestBody.ReadAsync(context, body, MaxBody, ApiJson.Default.PreviewRequest);
        var rendered = template.Render(request.Variables ?? Value.Map.Empty);
        body.Hold(rendered.Octets);
        body.BoundAnswer(context);
        return TypedResults.Json(RenderedView.Of(rendered), AnswerJson.Default.RenderedView);
    }

    private async ValueTask<MailTemplate> ReadAsync(HttpContext context, MailTemplate former)
    {
        var request = await ReadAsync(context, ApiJson.Default.TemplateRequest);
        var errors = new FieldErrors();
        if (request.Name is not { Length: > 0 and <= MaxName } name || !PlainText.IsOneLine(name))
        {
            errors.Add("name", $"must be 1 to {MaxName} characters; it {PlainText.Rule}");
        }

        if (request.Text is null && request.Html is null)
        {
            errors.Add("text", "is missing; give text, html or both");
        }

        if (request.Subject is { } subject && !PlainText.IsOneLine(subject))
        {
            errors.Add("subject", PlainText.Rule);
        }

        CheckLength(request.Subject, "subject", TemplateLimits.MaxSubject, errors);
        CheckLength(request.Text, "text", TemplateLimits.MaxSource, errors);
        CheckLength(request.Html, "html", TemplateLimits.MaxSource, errors);
        errors.ThrowIfAny();

        var template = former with { Name = request.Name!, Subject = request.Subject, Text = request.Text, Html = request.Html, IsStrict = request.Strict };
        ReadyTemplate.Of(template, errors);
        errors.ThrowIfAny();
        return template;
    }

    private async ValueTask<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        await using var body = bodies.Open(context.Request.Body, Caller.Of(context).Account);
        return await RequestBody.ReadAsync(context, body, MaxBody, type);
    }

    private static void CheckLength(string? source, string field, int longest, FieldErrors errors)
    {
        if (source?.Length > longest)
        {
            errors.Add(field, $"is longer than {longest} characters");
        }
    }

    private static IResult Answer(MailTemplate template, int status = StatusCodes.Status200OK) =>
        TypedResults.Json(TemplateView.Of(template), AnswerJson.Default.TemplateView, statusCode: status);

    private static ProblemAnswer NotFound() => new(Problem.NotFound("the account has no template with this id"));
}
