using Microsoft.AspNetCore.Http;
using Relay.Intake.Composition;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Queue;

/// <summary>Turns a request into what the queue understands, or says what is wrong with it. What the caller may not see is not there.</summary>
internal sealed class QueueRequestReader(IQueueReader queue, IAccountStore accounts, TimeProvider time)
{
    private const int MaxReason = 500;

    /// <param name="needsReason">It is done, and not only looked at.</param>
    public async Task<(QueueSelector Selector, string Reason, DateTimeOffset? Until)> ReadAsync(HttpContext context, bool needsReason, bool takesUntil)
    {
        Reach.RequireWhole(context);
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.QueueRequest);
        var selector = Check(request, needsReason, takesUntil);
        return (await WithinReachAsync(context, selector), request.Reason ?? "", request.Until);
    }

    private QueueSelector Check(QueueRequest request, bool needsReason, bool takesUntil)
    {
        var errors = new FieldErrors();
        var selector = new QueueSelector
        {
            Account = request.Account,
            Domain = DomainOf(request, errors),
            Class = ClassOf(request, errors),
            Message = MessageOf(request, errors),
        };

        if (request is { Account: null, Domain: null, Class: null, Message: null })
        {
            errors.Add("", "name at least one of account, domain, class and message");
        }

        if (string.IsNullOrWhiteSpace(request.Reason) ? needsReason : request.Reason.Length > MaxReason || !PlainText.IsOneLine(request.Reason))
        {
            errors.Add("reason", $"must say why in 1 to {MaxReason} characters on one line: it is kept and shown wherever the effect shows");
        }

        if (request.Until is { } until && (!takesUntil || until <= time.GetUtcNow()))
        {
            errors.Add("until", takesUntil ? "must be a time to come" : "belongs to a suspension");
        }

        errors.ThrowIfAny();
        return selector;
    }

    private async Task<QueueSelector> WithinReachAsync(HttpContext context, QueueSelector selector)
    {
        var reach = Reach.AccountOf(context);
        if (selector.Account is { } named && (reach is not null ? named != reach : await accounts.FindAccountAsync(named, context.RequestAborted) is null))
        {
            throw new ProblemException(Problem.NotFound("there is no such account"));
        }

        if (selector.Message is { } message)
        {
            var units = await queue.FindUnitsAsync(message, context.RequestAborted);
            if (!units.Any(unit => reach is null || unit.Lane.Account == reach))
            {
                throw new ProblemException(Problem.NotFound("no mail of such a message waits"));
            }
        }

        return reach is null ? selector : selector with { Account = reach };
    }

    private static string? DomainOf(QueueRequest request, FieldErrors errors)
    {
        if (request.Domain is null)
        {
            return null;
        }

        if (EnvelopeAddress.TryNormaliseDomain(request.Domain, out var domain))
        {
            return domain;
        }

        errors.Add("domain", "must be a domain like example.com");
        return null;
    }

    private static MessageClass? ClassOf(QueueRequest request, FieldErrors errors)
    {
        if (request.Class is null)
        {
            return null;
        }

        if (Word.TryParse(request.Class, out MessageClass @class))
        {
            return @class;
        }

        errors.Add("class", "must be transactional, bulk or inbound");
        return null;
    }

    private static MessageId? MessageOf(QueueRequest request, FieldErrors errors)
    {
        if (request.Message is null)
        {
            return null;
        }

        if (MessageId.TryParse(request.Message, out var message))
        {
            return message;
        }

        errors.Add("message", "must be the id of a message");
        return null;
    }
}
