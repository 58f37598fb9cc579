using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Tokens;

namespace Relay.Intake.Http.Incoming;

/// <summary><c>POST /tokens/rotate</c>: the next key that return paths and links to unsubscribe are signed with.</summary>
internal sealed class TokenEndpoint(TokenKeyring keyring)
{
    public async Task<IResult> RotateAsync(HttpContext context) =>
        await keyring.RotateAsync(context.RequestAborted) is { } key
            ? TypedResults.Json(new TokenKeyView(key.Number, key.From), AnswerJson.Default.TokenKeyView, statusCode: StatusCodes.Status201Created)
            : new ProblemAnswer(Problem.Conflict("there are as many keys as tokens can tell apart"));
}

/// <param name="Number">It stands in each token.</param>
/// <param name="From">When it begins to sign; what older keys signed stays good.</param>
internal sealed record TokenKeyView(int Number, DateTimeOffset From);
