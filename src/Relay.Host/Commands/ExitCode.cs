namespace Relay.Host.Commands;

/// <summary>How the process ends, in the numbers of <c>sysexits.h</c>, so that scripts can tell why.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>The relay refused what was asked.</summary>
    public const int Refused = 1;

    /// <summary>The command line cannot be understood.</summary>
    public const int Usage = 64;

    /// <summary>No relay answers, or its store is away.</summary>
    public const int Unavailable = 69;

    /// <summary>A part of the relay failed and took it down; the log says which.</summary>
    public const int Failed = 70;

    /// <summary>A port cannot be bound, a file not be read.</summary>
    public const int CannotOpen = 71;

    /// <summary>The key is unknown, revoked, or may not do this.</summary>
    public const int NoPermission = 77;

    /// <summary>The configuration cannot be used.</summary>
    public const int Configuration = 78;
}
