namespace Relay.Host.Commands;

/// <summary>What a person typed, as one part of a path of the API.</summary>
internal static class PathPart
{
    /// <exception cref="CommandFailure">It is nothing: a script's variable that was not set would ask for another path.</exception>
    public static string Of(string text) => text.Trim() is "" or "." or ".."
        ? throw new CommandFailure(ExitCode.Usage, $"'{text}' is neither an id nor a name")
        : Uri.EscapeDataString(text);
}
