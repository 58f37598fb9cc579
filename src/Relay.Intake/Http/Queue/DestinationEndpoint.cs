using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Domains;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Queue;

/// <summary><c>GET /queue/destinations/{domain}</c>: how mail to a domain would leave now.</summary>
internal sealed class DestinationEndpoint(IEnumerable<IDestinations> destinations)
{
    public async Task<IResult> ExamineAsync(HttpContext context, string domain)
    {
        if (!EnvelopeAddress.TryNormaliseDomain(domain, out var normal))
        {
            throw new ProblemException(Problem.Unprocessable("domain", "is not a domain"));
        }

        return destinations.FirstOrDefault() is { } delivering
            ? TypedResults.Json(await delivering.ExamineAsync(normal, context.RequestAborted), AnswerJson.Default.DestinationFindings)
            : new ProblemAnswer(Problem.NotFound("this node does not deliver; ask one that does"));
    }
}
