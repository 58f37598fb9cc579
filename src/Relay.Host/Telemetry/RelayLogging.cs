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
            return logging
                .AddConsoleFormatter<ReadableFormatter, ConsoleFormatterOptions>()
                .AddConsole(console => console.FormatterName = ReadableFormatter.FormatterName);
        }

        return logging.AddJsonConsole(console =>
        {
            console.IncludeScopes = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });
    }
}
