using Microsoft.AspNetCore.Http;
using Relay.Mail.Accounts;

namespace Relay.Intake.Http.Access;

/// <summary>Who is asking, once the guard has let them in.</summary>
internal static class Caller
{
    private static readonly object Key = new();

    /// <summary>The credential, its account the one that is acted for.</summary>
    public static Credential Of(HttpContext context) =>
        (Credential?)context.Items[Key] ?? throw new InvalidOperationException("the endpoint has no guard");

    public static void Set(HttpContext context, Credential credential) => context.Items[Key] = credential;
}
