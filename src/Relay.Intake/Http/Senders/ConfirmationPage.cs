using System.Security.Cryptography;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Senders;

/// <summary>
/// <c>/confirm?token=</c>: the page behind the mailed link. It is looked at by mail scanners too, so looking changes nothing;
/// the button on it does. There is no key and no cookie: who has the link has read the mail.
/// </summary>
internal sealed partial class ConfirmationPage(
    ISenderStore senders, IAccountStore accounts, SendingAddresses known, TimeProvider time, ILogger<ConfirmationPage> logger)
{
    private const string Over = "This link is not good any more. Whoever wants to send in your name can have another one mailed to you.";

    public async Task<IResult> ShowAsync(HttpContext context, string? token)
    {
        try
        {
            if (await FindAsync(token, context.RequestAborted) is not { } sender)
            {
                return Page(context, StatusCodes.Status404NotFound, Over);
            }

            var account = await accounts.FindAccountAsync(sender.Account, context.RequestAborted);
            return Page(
                context,
                StatusCodes.Status200OK,
                $"May {account?.Name ?? sender.Account} send mail as {sender.Address}?",
                """<form method="post"><button type="submit">Yes, it may</button></form><p>If not, close this page: nothing happens then.</p>""");
        }
        catch (StoreUnavailableException exception)
        {
            return Later(context, exception);
        }
    }

    public async Task<IResult> ConfirmAsync(HttpContext context, string? token)
    {
        try
        {
            if (await FindAsync(token, context.RequestAborted) is not { } sender
                || await senders.ChangeAsync(sender.Account, sender.Address, now => Verified(now, token), context.RequestAborted) is null)
            {
                return Page(context, StatusCodes.Status404NotFound, Over);
            }

            known.Forget(sender.Account, sender.Address);
            LogConfirmed(sender.Id, sender.Account);
            return Page(context, StatusCodes.Status200OK, $"Thank you. Mail may be sent as {sender.Address} from now on.");
        }
        catch (StoreUnavailableException exception)
        {
            return Later(context, exception);
        }
    }

    private async ValueTask<VerifiedSender?> FindAsync(string? token, CancellationToken cancellation) =>
        ConfirmationLink.Read(token ?? "") is { } link
            && await senders.FindAsync(link.Account, link.Address, cancellation) is { } sender
            && IsGood(sender, link) ? sender : null;

    // As it stands in the store at that moment: of two who press the button one is told that it is over.
    private VerifiedSender? Verified(VerifiedSender now, string? token) =>
        IsGood(now, ConfirmationLink.Read(token ?? "")!) ? now with { VerifiedAt = time.GetUtcNow(), LinkHash = null } : null;

    private bool IsGood(VerifiedSender sender, ConfirmationLink link) =>
        sender.LinkHash is { } hash
        && CryptographicOperations.FixedTimeEquals(hash, link.Hash)
        && sender.MailedAt + ConfirmationMail.Life > time.GetUtcNow();

    private IResult Later(HttpContext context, StoreUnavailableException exception)
    {
        LogNoStore(exception);
        return Page(context, StatusCodes.Status503ServiceUnavailable, "That does not work right now. Please try again in a minute.");
    }

    private static IResult Page(HttpContext context, int status, string words, string below = "")
    {
        // Nothing may run on it, frame it, or learn its address, which is the secret.
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
        headers.XFrameOptions = "DENY";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["X-Robots-Tag"] = "noindex";
        headers.CacheControl = "no-store";
        return TypedResults.Text(
            $"""
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Relay</title></head>
            <body><p>{HtmlEncoder.Default.Encode(words)}</p>{below}</body>
            </html>

            """,
            "text/html; charset=utf-8",
            statusCode: status);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The owner of sender {Sender} of account {Account} said yes")]
    private partial void LogConfirmed(string sender, string account);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The store did not answer when an address was to be confirmed")]
    private partial void LogNoStore(StoreUnavailableException exception);
}
