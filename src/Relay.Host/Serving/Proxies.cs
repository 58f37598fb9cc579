using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;
using Relay.Intake.Http;
using Relay.Mail.Accounts;

namespace Relay.Host.Serving;

internal static class Proxies
{
    /// <summary>Takes the word of the proxies that are trusted for where a request came from, and of nobody else.</summary>
    public static void UseRelayProxies(this WebApplication app)
    {
        var trusted = app.Services.GetRequiredService<IOptions<HttpOptions>>().Value.TrustedProxies;
        if (trusted.Count == 0)
        {
            return;
        }

        var headers = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
            // From the last proxy back to the first address that is none of them.
            ForwardLimit = null,
        };
        headers.KnownProxies.Clear();
        headers.KnownIPNetworks.Clear();
        foreach (var proxy in trusted)
        {
            headers.KnownIPNetworks.Add(AddressRange.TryParse(proxy, out var range) ? range.Network : throw new InvalidOperationException($"'{proxy}' was not checked"));
        }

        app.UseForwardedHeaders(headers);
    }
}
