using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Relay.Intake.Admission;
using Relay.Intake.Http.Description;
using Relay.Intake.Http.Json;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Access;

/// <summary>
/// Stands before every endpoint: finds the credential of the bearer key, checks its scope, resolves the account it acts
/// for, and turns whatever goes wrong into problem details.
/// </summary>
/// <param name="scope">Null: whatever the key's scopes are.</param>
/// <param name="adminOnly">Only the admin key.</param>
internal sealed partial class Guard(CredentialScope? scope, bool adminOnly) : IEndpointFilter
{
    private const string Scheme = "Bearer ";
    public const string AccountHeader = "Relay-Account";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        try
        {
            Caller.Set(http, await AdmitAsync(http));
            return await next(context);
        }
        catch (ProblemException exception)
        {
            return new ProblemAnswer(exception.Problem);
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return new ProblemAnswer(Problem.TooLarge("the body is larger than it may be here"));
        }
        catch (StoreUnavailableException exception)
        {
            LogStoreUnavailable(http.RequestServices.GetRequiredService<ILogger<Guard>>(), exception);
            if (http.Response.HasStarted)
            {
                // Half an answer must not look like a whole one.
                http.Abort();
                return TypedResults.Empty;
            }

            return new ProblemAnswer(Problem.Unavailable("the store does not answer right now; try again later"));
        }
    }

    private async ValueTask<Credential> AdmitAsync(HttpContext http)
    {
        var credential = await AuthenticateAsync(http);
        if (adminOnly && !credential.IsAdmin)
        {
            throw new ProblemException(Problem.Forbidden("only the admin key may do this: the one that Relay:Bootstrap:AdminKey sets"));
        }

        if (scope is { } needed && !credential.Scopes.Contains(needed))
        {
            throw new ProblemException(Problem.Forbidden($"this key lacks the scope {needed.ToString().ToLowerInvariant()}"));
        }

        return await ActingForAsync(http, credential);
    }

    private static async ValueTask<Credential> AuthenticateAsync(HttpContext http)
    {
        var key = KeyOf(http.Request);
        var logins = http.RequestServices.GetRequiredService<Logins>();
        return await logins.AuthenticateAsync(key, http.Connection.RemoteIpAddress, userName: null, http.RequestAborted) switch
        {
            AuthenticationResult.Authenticated authenticated => authenticated.Credential,
            AuthenticationResult.Misplaced misplaced => throw new ProblemException(Problem.Forbidden(misplaced.Text)),
            AuthenticationResult.Throttled throttled => throw new ProblemException(
                Problem.TooMany("this key is not valid, and neither were many before it; a key that is valid is not held up", throttled.RetryAfter)),
            AuthenticationResult.Unavailable => throw new ProblemException(Problem.Unavailable("keys cannot be checked right now; try again later")),
            _ => throw new ProblemException(Problem.Unauthorized("this key is not valid")),
        };
    }

    /// <summary>The key as the caller showed it.</summary>
    /// <exception cref="ProblemException">None was shown.</exception>
    public static string KeyOf(HttpRequest request) =>
        request.Headers.Authorization.ToString() is var header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? header[Scheme.Length..].Trim()
            : throw new ProblemException(Problem.Unauthorized("give a key in the header Authorization: Bearer KEY"));

    private static async ValueTask<Credential> ActingForAsync(HttpContext http, Credential credential)
    {
        var account = http.Request.Headers[AccountHeader].ToString();
        if (account.Length == 0 || account == credential.Account)
        {
            return credential;
        }

        if (!credential.IsAdmin)
        {
            throw new ProblemException(Problem.Forbidden($"only the admin key may name an account in {AccountHeader}"));
        }

        var accounts = http.RequestServices.GetRequiredService<IAccountStore>();
        return await accounts.FindAccountAsync(account, http.RequestAborted) is null
            ? throw new ProblemException(Problem.NotFound($"there is no account with the id given in {AccountHeader}"))
            : credential with { Account = account };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The store did not answer a request of the API")]
    private static partial void LogStoreUnavailable(ILogger logger, StoreUnavailableException exception);
}

internal static class GuardExtensions
{
    public static RouteHandlerBuilder Requires(this RouteHandlerBuilder endpoint, CredentialScope scope) => endpoint.Guarded(new Guard(scope, adminOnly: false));

    public static RouteHandlerBuilder RequiresKey(this RouteHandlerBuilder endpoint) => endpoint.Guarded(new Guard(null, adminOnly: false));

    public static RouteHandlerBuilder RequiresAdmin(this RouteHandlerBuilder endpoint) => endpoint.Guarded(new Guard(null, adminOnly: true));

    private static RouteHandlerBuilder Guarded(this RouteHandlerBuilder endpoint, Guard guard) =>
        endpoint.AddEndpointFilter(guard).WithMetadata(new NeedsKey());
}
