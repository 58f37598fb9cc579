using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Relay.Host.Settings;
using Relay.Intake.Http;
using Relay.Intake.Smtp;
using Relay.Intake.Sockets;

namespace Relay.Host.Listening;

/// <summary>Opens the doors on Kestrel: HTTP always, SMTP submission where this process takes mail in, and the door for what comes back where it reads that.</summary>
internal static partial class RelayListening
{
    public static void ListenRelay(this IWebHostBuilder web) => web.UseMailTransport().ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.ListenHttp();
        if (kestrel.Options<ProcessOptions>().Has(RelayRole.Intake))
        {
            kestrel.ListenSubmission();
        }

        if (kestrel.Options<ProcessOptions>().Has(RelayRole.Feedback) && kestrel.Options<InboundOptions>().Enabled)
        {
            kestrel.ListenInbound();
        }
    });

    private static void ListenHttp(this KestrelServerOptions kestrel)
    {
        var http = kestrel.Options<HttpOptions>();
        var endPoint = new IPEndPoint(AddressOf(http), http.Port);
        if (PortProbe.Problem(endPoint) is { } problem)
        {
            // Without it nobody could even ask for the health, so no environment goes on.
            throw new ListenException($"{problem}; {RelaySettings.Root}:{HttpOptions.Section}:{nameof(HttpOptions.Port)} names another one");
        }

        kestrel.Listeners().Add("http", "None", endPoint.ToString());
        kestrel.Listen(endPoint, door => door.TurnAwayWhenFull());
    }

    private static void ListenSubmission(this KestrelServerOptions kestrel) =>
        kestrel.AddSubmissionListeners(kestrel.ApplicationServices, endPoint =>
        {
            // On a developer's machine 587 and 465 often need root; the ports above serve as well.
            if (!kestrel.IsFree(endPoint.Address, $"{SubmissionOptions.Section}:{nameof(SubmissionOptions.Listeners)} names the ports for SMTP"))
            {
                return false;
            }

            kestrel.Listeners().Add("smtp", endPoint.Tls.ToString(), endPoint.Address.ToString());
            return true;
        });

    private static void ListenInbound(this KestrelServerOptions kestrel)
    {
        var endPoint = InboundListener.EndPointOf(kestrel.Options<InboundOptions>());
        if (kestrel.IsFree(endPoint, $"{InboundOptions.Section}:{nameof(InboundOptions.Port)} names another one"))
        {
            kestrel.Listeners().Add("inbound", nameof(ListenerTls.StartTls), endPoint.ToString());
            kestrel.AddInboundListener(kestrel.ApplicationServices);
        }
    }

    // A door that stays closed is no reason for a developer not to start.
    private static bool IsFree(this KestrelServerOptions kestrel, IPEndPoint endPoint, string setting)
    {
        if (PortProbe.Problem(endPoint) is not { } problem)
        {
            return true;
        }

        var services = kestrel.ApplicationServices;
        if (!services.GetRequiredService<IHostEnvironment>().IsDevelopment())
        {
            throw new ListenException($"{problem}; {RelaySettings.Root}:{setting}");
        }

        PortLeftOut(services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(RelayListening).FullName!), problem);
        return false;
    }

    private static IPAddress AddressOf(HttpOptions http) =>
        IPAddress.TryParse(http.Address, out var address)
            ? address
            : throw new SettingsException($"{RelaySettings.Root}:{HttpOptions.Section}:{nameof(http.Address)} is '{http.Address}'; allowed: an IP address, such as 127.0.0.1, 0.0.0.0 or ::");

    private static T Options<T>(this KestrelServerOptions kestrel)
        where T : class => kestrel.ApplicationServices.GetRequiredService<IOptions<T>>().Value;

    private static Listeners Listeners(this KestrelServerOptions kestrel) => kestrel.ApplicationServices.GetRequiredService<Listeners>();

    [LoggerMessage(LogLevel.Warning, "SMTP: {Problem}; this listener is left out")]
    private static partial void PortLeftOut(ILogger logger, string problem);
}
