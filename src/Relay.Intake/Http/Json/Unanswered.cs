using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace Relay.Intake.Http.Json;

/// <summary>
/// Answers what no endpoint has answered: the request can be read in two ways, nothing stands at the path, the path takes another method, or something went wrong
/// that nobody foresaw. In problem details as everything else (RFC 9457), and without a word of our insides.
/// </summary>
internal sealed partial class Unanswered(RequestDelegate next, ILogger<Unanswered> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (HasTwoLengths(context.Request))
        {
            // Whoever stands in front may have gone by the other one, and sent what we would take for the next request.
            context.Response.Headers.Connection = "close";
            await new ProblemAnswer(Problem.BadRequest("the request says both Content-Length and Transfer-Encoding, which may mean two different bodies")).ExecuteAsync(context);
            return;
        }

        try
        {
            await next(context);
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await AnswerAsync(context, new Problem(
                exception.StatusCode, ReasonPhrases.GetReasonPhrase(exception.StatusCode), "the request is cut off, too large, too slow or malformed"));
            return;
        }
        catch (Exception exception) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            LogUnforeseen(context.TraceIdentifier, context.Request.Method, context.Request.Path, exception);
            await AnswerAsync(context, new Problem(
                StatusCodes.Status500InternalServerError,
                "Internal server error",
                $"something went wrong inside the relay; its log says what, under {context.TraceIdentifier}"));
            return;
        }

        if (!context.Response.HasStarted && context.Response.ContentType is null && ProblemOf(context) is { } problem)
        {
            await AnswerAsync(context, problem);
        }
    }

    // Kestrel goes by the chunks, puts the length aside under this name, and goes on with the connection; RFC 9112, 6.1 has it
    // closed.
    private static bool HasTwoLengths(HttpRequest request) => request.Headers.TransferEncoding.Count > 0 && request.Headers.ContainsKey("X-Content-Length");

    private static Problem? ProblemOf(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => Problem.NotFound(
            "nothing stands at this path; /scalar describes what does, and processes without the role intake have no API"),
        StatusCodes.Status405MethodNotAllowed => new Problem(
            StatusCodes.Status405MethodNotAllowed,
            "Method not allowed",
            $"this path does not take {context.Request.Method}; it takes {context.Response.Headers.Allow}"),
        StatusCodes.Status415UnsupportedMediaType => new Problem(
            StatusCodes.Status415UnsupportedMediaType,
            "Unsupported media type",
            $"this path does not take {(context.Request.ContentType is { } type ? $"a body of the type {type}" : "a body without a type")}; /scalar describes what it takes"),
        _ => null,
    };

    private static Task AnswerAsync(HttpContext context, Problem problem)
    {
        // What an endpoint had begun to set; the methods that a path takes belong to the answer.
        var allowed = context.Response.Headers.Allow;
        context.Response.Clear();
        context.Response.Headers.Allow = allowed;
        return new ProblemAnswer(problem).ExecuteAsync(context);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {Request} failed: {Method} {Path}")]
    private partial void LogUnforeseen(string request, string method, string path, Exception exception);
}

public static class UnansweredExtensions
{
    /// <summary>Before all endpoints, of whichever part.</summary>
    public static void UseRelayProblems(this IApplicationBuilder app)
    {
        app.UseMiddleware<Unanswered>();
        app.UseMiddleware<HeadAsGet>();
        // Else the framework looks for the endpoint before all of these.
        app.UseRouting();
    }
}
