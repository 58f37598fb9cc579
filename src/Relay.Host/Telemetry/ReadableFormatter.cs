using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Relay.Host.Telemetry;

/// <summary>One line an entry for people: time, level where it matters, what was said, and where; an exception below it.</summary>
internal sealed class ReadableFormatter(IOptions<ConsoleFormatterOptions> options, TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "readable";

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopes, TextWriter writer)
    {
        var now = options.Value.UseUtcTimestamp ? time.GetUtcNow() : time.GetLocalNow();
        writer.Write(now.ToString("HH:mm:ss.fff ", System.Globalization.CultureInfo.InvariantCulture));
        writer.Write(WordOf(entry.LogLevel));
        writer.Write(entry.Formatter(entry.State, entry.Exception).ReplaceLineEndings(" "));
        writer.Write("  [");
        writer.Write(entry.Category);
        writer.WriteLine(']');
        if (entry.Exception is { } exception)
        {
            writer.WriteLine(exception);
        }
    }

    private static string WordOf(LogLevel level) => level switch
    {
        LogLevel.Critical or LogLevel.Error => "ERROR ",
        LogLevel.Warning => "WARNING ",
        _ => "",
    };
}
