using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Relay.Intake.Http.Json;

/// <summary>Writes a problem, with the headers that belong to its status.</summary>
internal sealed class ProblemAnswer(Problem problem) : IResult
{
    // A store that restarts is back in seconds; a client that comes again at once only adds to its load.
    private static readonly TimeSpan StoreIsBack = TimeSpan.FromSeconds(10);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = problem.Status;
        if (problem.Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }
        else if ((problem.RetryAfter ?? WaitFor(problem.Status)) is { } wait)
        {
            response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString("0", CultureInfo.InvariantCulture);
        }

        return response.WriteAsJsonAsync(problem, AnswerJson.Default.Problem, "application/problem+json", httpContext.RequestAborted);
    }

    private static TimeSpan? WaitFor(int status) => status == StatusCodes.Status503ServiceUnavailable ? StoreIsBack : null;
}
