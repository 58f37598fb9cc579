using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Queue;

/// <summary>Whose waiting mail a caller may see and change.</summary>
internal static class Reach
{
    /// <summary>The one account that it reaches; null is every account, for the admin key that names none.</summary>
    public static string? AccountOf(HttpContext context)
    {
        var caller = Caller.Of(context);
        return caller.IsAdmin && context.Request.Headers[Guard.AccountHeader].Count == 0 ? null : caller.Account;
    }

    /// <exception cref="ProblemException">The key is for tests: it stands in scripts and on laptops, and lanes hold live mail.</exception>
    public static void RequireLive(HttpContext context)
    {
        if (Caller.Of(context).Mode == MessageMode.Test)
        {
            throw new ProblemException(Problem.Forbidden("a test key may not change what waits"));
        }
    }
}
