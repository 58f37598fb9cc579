using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Access;

/// <summary>Whose waiting mail a caller may see and change, and what of its account.</summary>
internal static class Reach
{
    /// <summary>The one account that it reaches; null is every account, for the admin key that names none.</summary>
    public static string? AccountOf(HttpContext context)
    {
        var caller = Caller.Of(context);
        return caller.IsAdmin && context.Request.Headers[Guard.AccountHeader].Count == 0 ? null : caller.Account;
    }

    /// <exception cref="ProblemException">
    /// The whole account depends on this, and the key is for a part of what it does, or for tests: those stand in scripts and on laptops.
    /// </exception>
    public static void RequireWhole(HttpContext context)
    {
        var caller = Caller.Of(context);
        if (caller.Mode == MessageMode.Test)
        {
            throw new ProblemException(Problem.Forbidden("a test key may not change what live mail depends on"));
        }

        if (caller.IsConfined)
        {
            throw new ProblemException(Problem.Forbidden(
                "a key that is limited itself, in domains, networks, time or amount, may not change what all mail of the account depends on"));
        }
    }
}
