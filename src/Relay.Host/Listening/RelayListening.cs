using System.Net;
using Microsoft.Extensions.Options;
using Relay.Host.Settings;
using Relay.Intake.Http;

namespace Relay.Host.Listening;

/// <summary>Opens the doors on Kestrel: HTTP always, SMTP submission where this process takes mail in.</summary>
internal static class RelayListening
{
    public static void ListenRelay(this IWebHostBuilder web) => web.UseKestrelCore().ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        var services = kestrel.ApplicationServices;
        var listeners = services.GetRequiredService<Listeners>();
        var http = services.GetRequiredService<IOptions<HttpOptions>>().Value;

        var endPoint = EndPoint($"{RelaySettings.Root}:{HttpOptions.Section}", http.Address, http.Port);
        if (PortProbe.Problem(endPoint) is { } problem)
        {
            // Without it nobody could even ask for the health: no environment does without HTTP.
            throw new ListenException($"{RelaySettings.Root}:{HttpOptions.Section}:{nameof(HttpOptions.Port)}: {problem}");
        }

        kestrel.Listen(endPoint, options => listeners.Add("http", options));
    });

    private static IPEndPoint EndPoint(string setting, string address, int port) =>
        IPAddress.TryParse(address, out var ip)
            ? new IPEndPoint(ip, port)
            : throw new SettingsException($"{setting}:Address has a value that may not be; allowed: {new IpAddressAttribute().ErrorMessage}");
}
