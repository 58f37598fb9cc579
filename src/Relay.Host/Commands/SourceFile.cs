using System.Text;

namespace Relay.Host.Commands;

/// <summary>A file that an option names, as text; <c>-</c> stands for standard input.</summary>
internal static class SourceFile
{
    public const string StandardInput = "-";

    // What is in another encoding would go out with gaps in its words.
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <returns>Null where none is named.</returns>
    /// <param name="option">The option it was given with, for the refusal.</param>
    public static async Task<string?> ReadAsync(string option, string? name, CancellationToken cancellation)
    {
        try
        {
            return name switch
            {
                null => null,
                StandardInput => await Console.In.ReadToEndAsync(cancellation),
                _ => await File.ReadAllTextAsync(name, Utf8, cancellation),
            };
        }
        catch (DecoderFallbackException)
        {
            throw new CommandFailure(ExitCode.CannotOpen, $"{option}: {name} is not text in UTF-8");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CommandFailure(ExitCode.CannotOpen, $"{option}: {name} cannot be read: {e.Message}");
        }
    }
}
