using Microsoft.Extensions.Logging.Console;

namespace Relay.Host.Telemetry;

/// <summary>One line an entry: for eyes in Development, for machines in Production. Scopes carry the message id.</summary>
internal static class RelayLogging
{
    public static ILoggingBuilder AddRelayLogging(this ILoggingBuilder logging, IHostEnvironment environment)
    {
        logging.ClearProviders();
        if (environment.IsDevelopment())
        {
            return logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.IncludeScopes = false;
                console.TimestampFormat = "HH:mm:ss ";
                console.ColorBehavior = Console.IsOutputRedirected ? LoggerColorBehavior.Disabled : LoggerColorBehavior.Default;
            });
        }

        return logging.AddJsonConsole(console =>
        {
            console.IncludeScopes = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });
    }
}
