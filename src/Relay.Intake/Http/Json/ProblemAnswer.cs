using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Relay.Intake.Http.Json;

/// <summary>Writes a problem, with the headers that belong to its status.</summary>
internal sealed class ProblemAnswer(Problem problem) : IResult
{
    // A store that restarts is back in seconds; a client that comes again at once only adds to its load.
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = problem.Status;
        if (problem.Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }
        else if (problem.Status == StatusCodes.Status503ServiceUnavailable)
        {
            response.Headers.RetryAfter = RetryAfter.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        }

        return response.WriteAsJsonAsync(problem, AnswerJson.Default.Problem, "application/problem+json", httpContext.RequestAborted);
    }
}
