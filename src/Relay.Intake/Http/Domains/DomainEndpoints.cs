using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Relay.Intake.Admission;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Domains;

/// <summary><c>/domains</c>: what an account may send as. A domain is named by its id or its name.</summary>
internal sealed partial class DomainEndpoints(
    IAccountStore accounts, IDomainRecords records, AdmissionGate gate, TimeProvider time, ILogger<DomainEndpoints> logger)
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

        var account = Caller.Of(context).Account;
        if (await accounts.FindDomainAsync(account, name, context.RequestAborted) is { } known)
        {
            return Answer(known);
        }

        var domain = new SendingDomain(
            ShortId.Create("dom"), account, name, RandomNumberGenerator.GetHexString(40, lowercase: true), SendingDomainStatus.Pending, time.GetUtcNow(), null);
        await accounts.PutDomainAsync(domain, context.RequestAborted);
        return Answer(domain, status: StatusCodes.Status201Created);
    }

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var domains = await accounts.ListDomainsAsync(Caller.Of(context).Account, context.RequestAborted);
        return TypedResults.Json(new Page<DomainView>([.. domains.Select(domain => DomainView.Of(domain))]), AnswerJson.Default.PageDomainView);
    }

    public async Task<IResult> FindAsync(HttpContext context, string id) =>
        await FindDomainAsync(context, id) is { } domain ? Answer(domain) : NotFound();

    /// <summary>Looks into the DNS now. A domain that was verified and no longer is, is failing: nothing is sent as it.</summary>
    public async Task<IResult> VerifyAsync(HttpContext context, string id)
    {
        if (await FindDomainAsync(context, id) is not { } domain)
        {
            return NotFound();
        }

        IReadOnlyList<string> texts;
        try
        {
            texts = await records.FindTextsAsync(OwnershipRecord.NameOf(domain), context.RequestAborted);
        }
        catch (DomainRecordsUnavailableException exception)
        {
            LogNoAnswer(domain.Name, exception);
            return new ProblemAnswer(Problem.Unavailable($"no name server of {domain.Name} answered; try again in a minute"));
        }

        var isThere = texts.Any(text => text.Trim() == OwnershipRecord.ValueOf(domain));
        var looked = domain with { Status = StatusAfter(domain, isThere), CheckedAt = time.GetUtcNow() };
        await accounts.PutDomainAsync(looked, context.RequestAborted);
        gate.ForgetDomain(looked.Account, looked.Name);
        return Answer(looked, isThere ? null : AdviceOn(domain, texts));
    }

    public async Task<IResult> RemoveAsync(HttpContext context, string id)
    {
        if (await FindDomainAsync(context, id) is not { } domain)
        {
            return NotFound();
        }

        await accounts.RemoveDomainAsync(domain.Account, domain.Name, context.RequestAborted);
        gate.ForgetDomain(domain.Account, domain.Name);
        return TypedResults.NoContent();
    }

    private async ValueTask<SendingDomain?> FindDomainAsync(HttpContext context, string id)
    {
        var account = Caller.Of(context).Account;
        return EnvelopeAddress.TryNormaliseDomain(id, out var name) && name.Contains('.', StringComparison.Ordinal)
            ? await accounts.FindDomainAsync(account, name, context.RequestAborted)
            : (await accounts.ListDomainsAsync(account, context.RequestAborted)).FirstOrDefault(domain => domain.Id == id);
    }

    private static SendingDomainStatus StatusAfter(SendingDomain domain, bool isThere) =>
        isThere ? SendingDomainStatus.Verified
        : domain.Status == SendingDomainStatus.Pending ? SendingDomainStatus.Pending
        : SendingDomainStatus.Failing;

    private static string AdviceOn(SendingDomain domain, IReadOnlyList<string> texts) => texts.Count == 0
        ? $"There is no TXT record at {OwnershipRecord.NameOf(domain)} yet. Publish it; a new record may take some minutes to be seen."
        : $"{OwnershipRecord.NameOf(domain)} has another text than the one asked for. Replace it, or add the record beside it.";

    private static IResult Answer(SendingDomain domain, string? seen = null, int status = StatusCodes.Status200OK) =>
        TypedResults.Json(DomainView.Of(domain, seen), AnswerJson.Default.DomainView, statusCode: status);

    private static ProblemAnswer NotFound() => new(Problem.NotFound("there is no such domain"));

    [LoggerMessage(Level = LogLevel.Information, Message = "No name server answered for {Domain}")]
    private partial void LogNoAnswer(string domain, DomainRecordsUnavailableException exception);
}
