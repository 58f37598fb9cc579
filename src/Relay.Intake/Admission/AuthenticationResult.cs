using Relay.Mail.Accounts;

namespace Relay.Intake.Admission;

public abstract record AuthenticationResult
{
    private AuthenticationResult()
    {
    }

    public sealed record Authenticated(Credential Credential) : AuthenticationResult;

    /// <summary>A key that is right, from where it may not be used. Who shows it may know that: it is theirs, or stolen and of no use here.</summary>
    public sealed record Misplaced(string Text) : AuthenticationResult;

    /// <summary>Wrong, and so were too many before it: 421 or 429.</summary>
    public sealed record Throttled(TimeSpan RetryAfter) : AuthenticationResult;

    /// <summary>Unknown, malformed, expired or revoked; nobody outside learns which.</summary>
    public sealed record Rejected : AuthenticationResult
    {
        public static readonly Rejected Instance = new();
    }

    /// <summary>The store of keys is away: 454 4.7.0 or 503.</summary>
    public sealed record Unavailable : AuthenticationResult
    {
        public static readonly Unavailable Instance = new();
    }
}
