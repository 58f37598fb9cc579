namespace Relay.Host.Commands;

/// <summary>A file that an option names, as text; <c>-</c> stands for standard input.</summary>
internal static class SourceFile
{
    private const string StandardInput = "-";

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
                _ => await File.ReadAllTextAsync(name, cancellation),
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CommandFailure(ExitCode.CannotOpen, $"{option}: {name} cannot be read: {e.Message}");
        }
    }
}
