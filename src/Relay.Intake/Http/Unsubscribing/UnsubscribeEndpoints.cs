using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Relay.Mail.Lists;
using Relay.Mail.Queue;
using Relay.Mail.Tokens;

namespace Relay.Intake.Http.Unsubscribing;

/// <summary>
/// <c>/unsubscribe/{token}</c>: where the links of list mail lead. Mail programs POST to it (RFC 8058, 3.2), without a login,
/// and are told the end at once; people and link scanners GET it, which shows a button and changes nothing.
/// </summary>
internal sealed partial class UnsubscribeEndpoints(MailTokens tokens, IUnsubscribes unsubscribes, ILogger<UnsubscribeEndpoints> logger)
{
    // The one field, whichever way a form is written, and room for a mail program's own.
    private const int MaxBody = 8 * 1024;
    private const string Field = "List-Unsubscribe";
    private const string OneClick = "One-Click";

    public IResult Show(string token) =>
        Unsubscription.Open(tokens, token) is { } claim ? UnsubscribePage.Ask(claim) : Unreadable(token);

    public async Task<IResult> TakeAsync(HttpContext context, string token)
    {
        if (Unsubscription.Open(tokens, token) is not { } claim)
        {
            return Unreadable(token);
        }

        if (!await IsOneClickAsync(context))
        {
            return UnsubscribePage.Ask(claim, StatusCodes.Status400BadRequest);
        }

        try
        {
            await unsubscribes.TakeAsync(claim, "one click", context.RequestAborted);
            return UnsubscribePage.Done(claim);
        }
        catch (StoreUnavailableException exception)
        {
            LogStoreUnavailable(exception);
            return UnsubscribePage.Later(claim);
        }
    }

    private UnsubscribePage Unreadable(string token) => tokens.MayBeOpened(token) ? UnsubscribePage.NotNow() : UnsubscribePage.Unknown();

    // As a form of either kind; a crawler that posts whatever it finds does not write this field.
    private static async ValueTask<bool> IsOneClickAsync(HttpContext context)
    {
        if (!context.Request.HasFormContentType || context.Request.ContentLength > MaxBody)
        {
            return false;
        }

        // Anybody may post here, and who sends a body in chunks does not say how long it is.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MaxBody;
        }

        try
        {
            var form = await context.Request.ReadFormAsync(
                new FormOptions { BufferBodyLengthLimit = MaxBody, MultipartBodyLengthLimit = MaxBody, ValueLengthLimit = MaxBody, ValueCountLimit = 16 },
                context.RequestAborted);
            return string.Equals(form[Field], OneClick, StringComparison.OrdinalIgnoreCase);
        }
        catch (Exception exception) when (exception is InvalidDataException or BadHttpRequestException)
        {
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "An unsubscription could not be kept: the store did not answer")]
    private partial void LogStoreUnavailable(StoreUnavailableException exception);
}
