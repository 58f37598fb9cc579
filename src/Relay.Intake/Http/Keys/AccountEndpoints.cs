using Microsoft.AspNetCore.Http;
using Relay.Intake.Composition;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Limits;
using Relay.Mail.Accounts;

namespace Relay.Intake.Http.Keys;

/// <summary><c>/accounts</c>, for the admin key alone.</summary>
internal sealed class AccountEndpoints(IAccountStore accounts, TimeProvider time)
{
    private const int MaxName = 100;

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.AccountRequest);
        var errors = new FieldErrors();
        if (request.Name is null or { Length: 0 or > MaxName } || !PlainText.IsOneLine(request.Name))
        {
            errors.Add("name", $"must be 1 to {MaxName} characters on one line");
        }

        var limits = request.Limits?.Read("limits.", errors);
        errors.ThrowIfAny();
        var account = new Account(ShortId.Create("acct"), request.Name!, time.GetUtcNow()) { Limits = limits };
        return await accounts.TryAddAccountAsync(account, context.RequestAborted)
            ? Answer(account, StatusCodes.Status201Created)
            : throw new InvalidOperationException("a random account id was taken");
    }

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var found = await accounts.ListAccountsAsync(context.RequestAborted);
        return TypedResults.Json(new Page<AccountView>([.. found.Select(AccountView.Of)]), AnswerJson.Default.PageAccountView);
    }

    public async Task<IResult> FindAsync(HttpContext context, string id) =>
        Answer(await accounts.FindAccountAsync(id, context.RequestAborted));

    public async Task<IResult> LimitAsync(HttpContext context, string id)
    {
        var limits = await LimitsRequest.ReadAsync(context);
        return Answer(await accounts.ChangeAccountAsync(id, known => known with { Limits = limits }, context.RequestAborted));
    }

    public async Task<IResult> UnlimitAsync(HttpContext context, string id) =>
        Answer(await accounts.ChangeAccountAsync(id, known => known with { Limits = null }, context.RequestAborted));

    private static IResult Answer(Account? account, int status = StatusCodes.Status200OK) => account is null
        ? new ProblemAnswer(Problem.NotFound("there is no account with this id"))
        : TypedResults.Json(AccountView.Of(account), AnswerJson.Default.AccountView, statusCode: status);
}

internal sealed record AccountRequest
{
    public string? Name { get; init; }

    /// <summary>Its own limits; left out, those of the configuration hold.</summary>
    public LimitsRequest? Limits { get; init; }
}

/// <param name="Limits">Left out where those of the configuration hold.</param>
internal sealed record AccountView(string Id, string Name, DateTimeOffset CreatedAt, LimitsView? Limits)
{
    public static AccountView Of(Account account) => new(account.Id, account.Name, account.CreatedAt, LimitsView.Of(account.Limits));
}
