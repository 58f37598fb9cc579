using Microsoft.AspNetCore.Http;
using Relay.Intake.Composition;
using Relay.Intake.Http.Json;
using Relay.Mail.Accounts;

namespace Relay.Intake.Http.Keys;

/// <summary><c>/accounts</c>, for the admin key alone.</summary>
internal sealed class AccountEndpoints(IAccountStore accounts, TimeProvider time)
{
    private const int MaxName = 100;

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.AccountRequest);
        if (request.Name is null or { Length: 0 or > MaxName } || !PlainText.IsOneLine(request.Name))
        {
            throw new ProblemException(Problem.Unprocessable("name", $"must be 1 to {MaxName} characters on one line"));
        }

        var account = new Account(ShortId.Create("acct"), request.Name, time.GetUtcNow());
        return await accounts.TryAddAccountAsync(account, context.RequestAborted)
            ? TypedResults.Json(AccountView.Of(account), AnswerJson.Default.AccountView, statusCode: StatusCodes.Status201Created)
            : throw new InvalidOperationException("a random account id was taken");
    }

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var found = await accounts.ListAccountsAsync(context.RequestAborted);
        return TypedResults.Json(new Page<AccountView>([.. found.Select(AccountView.Of)]), AnswerJson.Default.PageAccountView);
    }
}

internal sealed record AccountRequest
{
    public string? Name { get; init; }
}

internal sealed record AccountView(string Id, string Name, DateTimeOffset CreatedAt)
{
    public static AccountView Of(Account account) => new(account.Id, account.Name, account.CreatedAt);
}
