namespace Relay.Intake.Smtp;

/// <summary>Why the door said no before the gate was asked; the reason as metrics name it.</summary>
internal enum DoorRefusal
{
    TooManyConnections,
    NoFiles,
    TooManyCommands,
    TooManyBadCommands,
    OutOfStep,
    Login,
    LoginThrottled,
    UnknownRecipient,
    TooLarge,
    Content,
}
