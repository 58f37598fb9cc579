namespace Relay.Host.Commands;

/// <summary>A command cannot do what was asked. The message is for whoever typed it.</summary>
internal sealed class CommandFailure(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>It cannot be done as things stand now; it may be later.</summary>
    public bool IsConflict { get; init; }
}
