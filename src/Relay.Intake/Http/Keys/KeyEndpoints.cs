using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Limits;
using Relay.Intake.Limits;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Keys;

/// <summary><c>/keys</c>: made, listed, revoked. A key is shown once, when it is made, and none makes another that may more than itself.</summary>
internal sealed class KeyEndpoints(IAccountStore accounts, Credentials credentials, IOptions<LimitOptions> limits, TimeProvider time)
{
    private static readonly TimeSpan OneDay = TimeSpan.FromDays(1);

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        var caller = Caller.Of(context);
        RequireUnconfined(caller);
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.KeyRequest);
        var wanted = KeyRequestReader.Read(request, time.GetUtcNow());
        RequireMayManage(caller, wanted.Mode);
        RequireMayGive(caller, wanted.Scopes);

        var account = await AccountOfAsync(request, caller, context.RequestAborted);
        await RequireRoomAsync(account, wanted.Mode, context.RequestAborted);
        var key = ApiKey.Create(wanted.Mode);
        var credential = wanted with { Id = ShortId.Create("key"), Account = account, KeyHash = ApiKey.Hash(key) };
        await accounts.PutCredentialAsync(credential, context.RequestAborted);
        credentials.Forget(credential);
        return TypedResults.Json(KeyView.Of(credential) with { Key = key }, AnswerJson.Default.KeyView, statusCode: StatusCodes.Status201Created);
    }

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var account = Caller.Of(context).Account;
        var credentials = await accounts.ListCredentialsAsync(account, context.RequestAborted);
        var uses = await accounts.ListUsesAsync(account, context.RequestAborted);
        return TypedResults.Json(
            new Page<KeyView>([.. credentials.Select(c => KeyView.Of(c) with { LastUsedAt = uses.TryGetValue(c.Id, out var used) ? used : null })]),
            AnswerJson.Default.PageKeyView);
    }

    public async Task<IResult> RevokeAsync(HttpContext context, string id)
    {
        var caller = Caller.Of(context);
        if (caller.Id != id)
        {
            RequireUnconfined(caller);
        }

        if (await FindAsync(context, id) is not { } credential)
        {
            return NotFound();
        }

        RequireMayManage(caller, credential.Mode);
        await ChangeAsync(context, credential, known => known with { RevokedAt = known.RevokedAt ?? time.GetUtcNow() });
        return TypedResults.NoContent();
    }

    public async Task<IResult> LimitAsync(HttpContext context, string id)
    {
        var caller = Caller.Of(context);
        RequireUnconfined(caller);
        if (await FindAsync(context, id) is not { } credential)
        {
            return NotFound();
        }

        RequireMayManage(caller, credential.Mode);
        if (caller.Id == credential.Id)
        {
            return new ProblemAnswer(Problem.Conflict("a key that limited itself could not take that back; use another key"));
        }

        var limits = await LimitsRequest.ReadAsync(context);
        var changed = await ChangeAsync(context, credential, known => known with { Limits = limits });
        return TypedResults.Json(KeyView.Of(changed), AnswerJson.Default.KeyView);
    }

    private async ValueTask<Credential?> FindAsync(HttpContext context, string id) =>
        (await accounts.ListCredentialsAsync(Caller.Of(context).Account, context.RequestAborted)).FirstOrDefault(credential => credential.Id == id);

    private async ValueTask<Credential> ChangeAsync(HttpContext context, Credential credential, Func<Credential, Credential> change)
    {
        var changed = await accounts.ChangeCredentialAsync(credential.Account, credential.Id, change, context.RequestAborted);
        credentials.Forget(credential);
        return changed ?? throw new ProblemException(Problem.NotFound("there is no key with this id any more"));
    }

    // Test keys stand in scripts and on laptops; who finds one must not make of it a key that sends to the world.
    private static void RequireMayManage(Credential caller, MessageMode mode)
    {
        if (caller.Mode == MessageMode.Test && mode == MessageMode.Live)
        {
            throw new ProblemException(Problem.Forbidden("a test key may make and revoke test keys only", "mode"));
        }
    }

    private static void RequireMayGive(Credential caller, IReadOnlyList<CredentialScope> scopes)
    {
        if (scopes.Except(caller.Scopes).Any())
        {
            throw new ProblemException(Problem.Forbidden(
                $"this key has the scopes {string.Join(", ", caller.Scopes.Select(Word.Of))} itself, and can give no other", "scopes"));
        }
    }

    // A key for one domain, network, time or amount would be free of it with a key of its own making, and could stop all others.
    private static void RequireUnconfined(Credential caller)
    {
        if (caller.IsConfined)
        {
            throw new ProblemException(Problem.Forbidden("a key that is limited itself, in domains, networks, time or amount, makes, limits and revokes no other keys"));
        }
    }

    // Those of either kind for themselves: whoever finds a test key keeps nobody from making live ones.
    private async ValueTask RequireRoomAsync(string account, MessageMode mode, CancellationToken cancellation)
    {
        var (now, most) = (time.GetUtcNow(), limits.Value.KeysPerAccount);
        var ofMode = (await accounts.ListCredentialsAsync(account, cancellation)).Where(known => known.Mode == mode).ToList();
        if (ofMode.Count(known => known.RevokedAt is null && !(known.ExpiresAt <= now)) >= most)
        {
            throw new ProblemException(Problem.Conflict(
                $"the account has {most} {Word.Of(mode)} keys, which is all it may (Relay:Limits:KeysPerAccount); revoke one that is not needed any more"));
        }

        // What is known of a revoked one stays: making and revoking them in turn must not fill the store.
        var young = ofMode.Where(known => known.CreatedAt + OneDay > now).ToList();
        if (young.Count >= most)
        {
            throw new ProblemException(Problem.TooMany(
                $"the account has made {most} {Word.Of(mode)} keys within a day, which is all it may (Relay:Limits:KeysPerAccount)",
                young.Min(known => known.CreatedAt) + OneDay - now));
        }
    }

    private async ValueTask<string> AccountOfAsync(KeyRequest request, Credential caller, CancellationToken cancellation)
    {
        if (request.Account is null || request.Account == caller.Account)
        {
            return caller.Account;
        }

        if (!caller.IsAdmin)
        {
            throw new ProblemException(Problem.Forbidden("only the admin key may make keys of another account", "account"));
        }

        return await accounts.FindAccountAsync(request.Account, cancellation) is { } account
            ? account.Id
            : throw new ProblemException(Problem.Unprocessable("account", "is not the id of an account"));
    }

    private static ProblemAnswer NotFound() => new(Problem.NotFound("there is no key with this id"));
}
