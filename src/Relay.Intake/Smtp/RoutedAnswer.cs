namespace Relay.Intake.Smtp;

/// <summary>What was said to mail for a route, as metrics name it.</summary>
internal enum RoutedAnswer
{
    Taken,

    /// <summary>Larger than a webhook gets. 552.</summary>
    TooLarge,

    /// <summary>It passed too many hosts. 554.</summary>
    GoesRound,

    /// <summary>More than the account may get in a minute. 451 4.3.2.</summary>
    TooMuch,

    /// <summary>452 4.3.1.</summary>
    StoreFull,

    /// <summary>451 4.3.0.</summary>
    StoreUnavailable,
}
