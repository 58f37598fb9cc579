namespace Relay.Intake.Smtp;

/// <summary>Why nothing more is read from a connection.</summary>
internal enum WireEnd
{
    /// <summary>It goes on.</summary>
    None,

    /// <summary>The client went, or the connection broke.</summary>
    Closed,

    /// <summary>No whole command came in time.</summary>
    Idle,

    /// <summary>A content came too slowly.</summary>
    TooSlow,

    /// <summary>The session lasted too long.</summary>
    TooLong,

    /// <summary>The relay stops.</summary>
    Stopping,
}
