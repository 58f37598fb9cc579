using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Relay.Host.Settings;
using Relay.Intake.Http;
using Relay.Intake.Smtp;

namespace Relay.Host.Listening;

/// <summary>Opens the doors on Kestrel: HTTP always, SMTP submission where this process takes mail in.</summary>
internal static partial class RelayListening
{
    public static void ListenRelay(this IWebHostBuilder web) => web.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.ListenHttp();
        if (kestrel.Options<ProcessOptions>().Has(RelayRole.Intake))
        {
            kestrel.ListenSubmission();
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
        kestrel.Listen(endPoint);
    }

    private static void ListenSubmission(this KestrelServerOptions kestrel)
    {
        var services = kestrel.ApplicationServices;
        var tolerant = services.GetRequiredService<IHostEnvironment>().IsDevelopment();
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(RelayListening).FullName!);
        kestrel.AddSubmissionListeners(services, endPoint =>
        {
            if (PortProbe.Problem(endPoint.Address) is { } problem)
            {
                // On a developer's machine 587 and 465 often need root; the ports above serve as well.
                PortLeftOut(logger, tolerant ? problem : throw NotListening(problem));
                return false;
            }

            kestrel.Listeners().Add("smtp", endPoint.Tls.ToString(), endPoint.Address.ToString());
            return true;
        });
    }

    private static IPAddress AddressOf(HttpOptions http) =>
        IPAddress.TryParse(http.Address, out var address)
            ? address
            : throw new SettingsException($"{RelaySettings.Root}:{HttpOptions.Section}:{nameof(http.Address)} is '{http.Address}'; allowed: {IpAddressAttribute.Words}");

    private static ListenException NotListening(string problem) =>
        new($"{problem}; {RelaySettings.Root}:{SubmissionOptions.Section}:{nameof(SubmissionOptions.Listeners)} names the ports for SMTP");

    private static T Options<T>(this KestrelServerOptions kestrel)
        where T : class => kestrel.ApplicationServices.GetRequiredService<IOptions<T>>().Value;

    private static Listeners Listeners(this KestrelServerOptions kestrel) => kestrel.ApplicationServices.GetRequiredService<Listeners>();

    [LoggerMessage(LogLevel.Warning, "SMTP: {Problem}; this listener is left out")]
    private static partial void PortLeftOut(ILogger logger, string problem);
}
