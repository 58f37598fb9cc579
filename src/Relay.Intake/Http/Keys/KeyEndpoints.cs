using Microsoft.AspNetCore.Http;
using Relay.Intake.Admission;
using Relay.Intake.Composition;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Messages;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Keys;

/// <summary><c>/keys</c>: made, listed, revoked. A key is shown once, when it is made.</summary>
internal sealed class KeyEndpoints(IAccountStore accounts, AdmissionGate gate, TimeProvider time)
{
    private const int MaxName = 100;

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        var caller = Caller.Of(context);
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.KeyRequest);
        var (mode, scopes) = Check(request);
        RequireMayManage(caller, mode);

        var key = ApiKey.Create(mode);
        var credential = new Credential
        {
            Id = ShortId.Create("key"),
            Account = await AccountOfAsync(request, caller, context.RequestAborted),
            Name = request.Name!,
            KeyHash = ApiKey.Hash(key),
            Mode = mode,
            Scopes = scopes,
            CreatedAt = time.GetUtcNow(),
            BounceMail = request.BounceMail ?? true,
        };

        await accounts.PutCredentialAsync(credential, context.RequestAborted);
        gate.Forget(credential);
        return TypedResults.Json(KeyView.Of(credential) with { Key = key }, AnswerJson.Default.KeyView, statusCode: StatusCodes.Status201Created);
    }

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var credentials = await accounts.ListCredentialsAsync(Caller.Of(context).Account, context.RequestAborted);
        return TypedResults.Json(new Page<KeyView>([.. credentials.Select(KeyView.Of)]), AnswerJson.Default.PageKeyView);
    }

    public async Task<IResult> RevokeAsync(HttpContext context, string id)
    {
        var credentials = await accounts.ListCredentialsAsync(Caller.Of(context).Account, context.RequestAborted);
        if (credentials.FirstOrDefault(credential => credential.Id == id) is not { } credential)
        {
            return new ProblemAnswer(Problem.NotFound("there is no key with this id"));
        }

        RequireMayManage(Caller.Of(context), credential.Mode);
        if (credential.RevokedAt is null)
        {
            await accounts.PutCredentialAsync(credential with { RevokedAt = time.GetUtcNow() }, context.RequestAborted);
            gate.Forget(credential);
        }

        return TypedResults.NoContent();
    }

    private static (MessageMode Mode, IReadOnlyList<CredentialScope> Scopes) Check(KeyRequest request)
    {
        var errors = new FieldErrors();
        if (request.Name is null or { Length: 0 or > MaxName } || !PlainText.IsOneLine(request.Name))
        {
            errors.Add("name", $"must be 1 to {MaxName} characters on one line");
        }

        var mode = MessageMode.Live;
        if (request.Mode is not null && !Word.TryParse(request.Mode, out mode))
        {
            errors.Add("mode", "must be live or test");
        }

        var scopes = new List<CredentialScope>();
        foreach (var word in request.Scopes ?? ["send", "read", "manage"])
        {
            if (Word.TryParse(word, out CredentialScope scope))
            {
                scopes.Add(scope);
            }
            else
            {
                errors.Add("scopes", "must be some of send, read, manage");
            }
        }

        errors.ThrowIfAny();
        return (mode, [.. scopes.Distinct()]);
    }

    // Test keys stand in scripts and on laptops; who finds one must not make of it a key that sends to the world.
    private static void RequireMayManage(Credential caller, MessageMode mode)
    {
        if (caller.Mode == MessageMode.Test && mode == MessageMode.Live)
        {
            throw new ProblemException(Problem.Forbidden("a test key may make and revoke test keys only", "mode"));
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
}

internal sealed record KeyRequest
{
    public string? Name { get; init; }
    public string? Account { get; init; }

    [System.Text.Json.Serialization.JsonConverter(typeof(TextListConverter))]
    public IReadOnlyList<string>? Scopes { get; init; }

    /// <summary><c>live</c> or <c>test</c>.</summary>
    public string? Mode { get; init; }

    /// <summary>Whether failures of its SMTP submissions go to the envelope sender.</summary>
    public bool? BounceMail { get; init; }
}

internal sealed record KeyView
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required string Account { get; init; }

    /// <summary>This once.</summary>
    public string? Key { get; init; }

    public required string Mode { get; init; }
    public required IReadOnlyList<string> Scopes { get; init; }
    public required bool BounceMail { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? RevokedAt { get; init; }

    public static KeyView Of(Credential credential) => new()
    {
        Id = credential.Id,
        Name = credential.Name,
        Account = credential.Account,
        Mode = Word.Of(credential.Mode),
        Scopes = [.. credential.Scopes.Select(Word.Of)],
        BounceMail = credential.BounceMail,
        CreatedAt = credential.CreatedAt,
        RevokedAt = credential.RevokedAt,
    };
}
