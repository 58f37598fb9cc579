using System.Globalization;
using System.Net.Mime;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Http;
using Relay.Mail.Tokens;

namespace Relay.Intake.Http.Unsubscribing;

/// <summary>What people see behind a link to unsubscribe: one sentence and at most one button, without scripts, cookies or anything loaded.</summary>
internal sealed class UnsubscribePage : IResult
{
    // A form may go to where it came from, and nothing else happens: whatever a list is called, it is not run.
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    private const string Button = """<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>""";

    private readonly int _status;
    private readonly string _title;
    private readonly string _text;
    private readonly string _below;

    private UnsubscribePage(int status, string title, string text, string below = "") => (_status, _title, _text, _below) = (status, title, text, below);

    public static UnsubscribePage Ask(Unsubscription claim, int status = StatusCodes.Status200OK) =>
        new(status, "Unsubscribe?", $"{Named(claim)} shall get no more {Mail(claim)}.", Button);

    public static UnsubscribePage Done(Unsubscription claim) =>
        new(StatusCodes.Status200OK, "Unsubscribed", $"{Named(claim)} gets no more {Mail(claim)}.");

    public static UnsubscribePage Later(Unsubscription claim) =>
        new(StatusCodes.Status503ServiceUnavailable, "Not done yet", $"This could not be kept right now. Please try again in a minute, so that {Named(claim)} gets no more {Mail(claim)}.", Button);

    public static UnsubscribePage NotNow() =>
        new(StatusCodes.Status503ServiceUnavailable, "Not now", "This link cannot be read right now. Please try again in a minute.");

    public static UnsubscribePage Unknown() =>
        new(StatusCodes.Status404NotFound, "Unknown link", "This link is not whole. Please open it from the mail itself, or copy all of it.");

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = _status;
        response.ContentType = $"{MediaTypeNames.Text.Html}; charset=utf-8";
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.CacheControl = "no-store";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["X-Robots-Tag"] = "noindex";
        response.Headers.XContentTypeOptions = "nosniff";
        if (_status == StatusCodes.Status503ServiceUnavailable)
        {
            response.Headers.RetryAfter = "60";
        }

        var octets = Encoding.UTF8.GetBytes(ToString());
        response.ContentLength = octets.Length;
        return response.Body.WriteAsync(octets, httpContext.RequestAborted).AsTask();
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $$"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{_title}}</title>
        <style>
        :root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
        body { max-width: 32rem; margin: 15vh auto; padding: 0 1rem; overflow-wrap: anywhere }
        button { font: inherit; padding: .5rem 1.5rem; border: 0; border-radius: .4rem; color: #fff; background: #b3261e; cursor: pointer }
        </style>
        </head>
        <body>
        <main>
        <h1>{{_title}}</h1>
        <p>{{_text}}</p>
        {{_below}}
        </main>
        </body>
        </html>
        """);

    private static string Named(Unsubscription claim) => $"<b>{HtmlEncoder.Default.Encode(claim.Address)}</b>";

    private static string Mail(Unsubscription claim) => claim.Stream is { } stream ? $"mail of the list <b>{HtmlEncoder.Default.Encode(stream)}</b>" : "mail of this sender";
}
