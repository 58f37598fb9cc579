using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Intake.Domains;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Intake.Limits;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Mail.Signing;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Domains;

/// <summary><c>/domains</c>: what an account may send as. A domain is named by its id or its name.</summary>
internal sealed partial class DomainEndpoints(
    IAccountStore accounts,
    DomainVerification verification,
    ReceiverChecklist checklist,
    RecordList records,
    SendingDomains sending,
    KeySeal seal,
    IOptions<DomainOptions> options,
    IOptions<LimitOptions> limits,
    TimeProvider time,
    ILogger<DomainEndpoints> logger)
{
    public async Task<IResult> CreateAsync(HttpContext context)
    {
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.DomainRequest);
        if (!EnvelopeAddress.TryNormaliseDomain(request.Name ?? "", out var name)
            || name[0] == '['
            || !name.Contains('.', StringComparison.Ordinal))
        {
            throw new ProblemException(Problem.Unprocessable("name", "must be a domain like shop.example"));
        }

        var isExact = IsExact(request.Subdomains ?? "allow");
        var account = Caller.Of(context).Account;
        if (await accounts.FindDomainAsync(account, name, context.RequestAborted) is { } known)
        {
            return Answer(known);
        }

        if ((await accounts.ListDomainsAsync(account, context.RequestAborted)).Count >= limits.Value.DomainsPerAccount)
        {
            return new ProblemAnswer(Problem.Conflict($"the account has {limits.Value.DomainsPerAccount} domains, which is all it may (Relay:Limits:DomainsPerAccount)"));
        }

        var domain = new SendingDomain(
            ShortId.Create("dom"), account, name, RandomNumberGenerator.GetHexString(40, lowercase: true), SendingDomainStatus.Pending, time.GetUtcNow(), null);
        domain = domain with { IsExact = isExact, Keys = KeyPair.CreateBoth(domain, seal, time.GetUtcNow()) };

        // Added by another at the same moment: there is one domain, with one set of keys.
        if (!await accounts.TryAddDomainAsync(domain, context.RequestAborted))
        {
            return Answer(await accounts.FindDomainAsync(account, name, context.RequestAborted));
        }

        sending.Forget(account, name);
        return Answer(domain, StatusCodes.Status201Created);
    }

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var domains = await accounts.ListDomainsAsync(Caller.Of(context).Account, context.RequestAborted);
        return TypedResults.Json(new Page<DomainView>([.. domains.Select(ViewOf)]), AnswerJson.Default.PageDomainView);
    }

    public async Task<IResult> FindAsync(HttpContext context, string id) =>
        Answer(await FindDomainAsync(context, id));

    /// <summary>Looks into the DNS now.</summary>
    public async Task<IResult> VerifyAsync(HttpContext context, string id)
    {
        if (await FindDomainAsync(context, id) is not { } domain)
        {
            return NotFound();
        }

        try
        {
            return Answer(await verification.VerifyAsync(domain, context.RequestAborted));
        }
        catch (DomainRecordsUnavailableException exception)
        {
            LogNoAnswer(domain.Name, exception);
            return new ProblemAnswer(Problem.Unavailable($"no name server of {domain.Name} answered; try again in a minute"));
        }
    }

    /// <summary>Makes new keys beside the present ones, or in their stead where these are revoked.</summary>
    public async Task<IResult> RotateAsync(HttpContext context, string id, string? revoke)
    {
        Reach.RequireWhole(context);
        if (revoke is not (null or "true" or "false"))
        {
            throw new ProblemException(Problem.Unprocessable("revoke", "must be true or false"));
        }

        return await FindDomainAsync(context, id) is { } domain
            ? Answer(await verification.RotateAsync(domain, revoke == "true", context.RequestAborted))
            : NotFound();
    }

    public async Task<IResult> SetSubdomainsAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        if (await FindDomainAsync(context, id) is not { } domain)
        {
            return NotFound();
        }

        var isExact = IsExact((await RequestBody.ReadAsync(context, ApiJson.Default.SubdomainsRequest)).Subdomains);
        var changed = await accounts.ChangeDomainAsync(domain.Account, domain.Name, known => known with { IsExact = isExact }, context.RequestAborted);
        sending.Forget(domain.Account, domain.Name);
        return Answer(changed);
    }

    public async Task<IResult> CheckAsync(HttpContext context, string id) =>
        await FindDomainAsync(context, id) is { } domain
            ? TypedResults.Json(ChecklistView.Of(domain, await checklist.ReadAsync(domain, context.RequestAborted)), AnswerJson.Default.ChecklistView)
            : NotFound();

    public async Task<IResult> RemoveAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        if (await FindDomainAsync(context, id) is not { } domain)
        {
            return NotFound();
        }

        await accounts.RemoveDomainAsync(domain.Account, domain.Name, context.RequestAborted);
        sending.Forget(domain.Account, domain.Name);
        return TypedResults.NoContent();
    }

    private static bool IsExact(string? subdomains) => subdomains switch
    {
        "allow" => false,
        "exact" => true,
        _ => throw new ProblemException(Problem.Unprocessable("subdomains", "must be allow or exact")),
    };

    private async ValueTask<SendingDomain?> FindDomainAsync(HttpContext context, string id)
    {
        var account = Caller.Of(context).Account;
        return EnvelopeAddress.TryNormaliseDomain(id, out var name) && name.Contains('.', StringComparison.Ordinal)
            ? await accounts.FindDomainAsync(account, name, context.RequestAborted)
            : (await accounts.ListDomainsAsync(account, context.RequestAborted)).FirstOrDefault(domain => domain.Id == id);
    }

    private DomainView ViewOf(SendingDomain domain) => DomainView.Of(domain, records, options.Value.Grace);

    private IResult Answer(SendingDomain? domain, int status = StatusCodes.Status200OK) =>
        domain is null ? NotFound() : TypedResults.Json(ViewOf(domain), AnswerJson.Default.DomainView, statusCode: status);

    private static ProblemAnswer NotFound() => new(Problem.NotFound("there is no such domain"));

    [LoggerMessage(Level = LogLevel.Information, Message = "No name server answered for {Domain}")]
    private partial void LogNoAnswer(string domain, DomainRecordsUnavailableException exception);
}
