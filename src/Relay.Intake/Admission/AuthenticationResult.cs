using Relay.Mail.Accounts;

namespace Relay.Intake.Admission;

public abstract record AuthenticationResult
{
    private AuthenticationResult()
    {
    }

    public sealed record Authenticated(Credential Credential) : AuthenticationResult;

    /// <summary>Unknown, malformed or revoked; nobody outside learns which.</summary>
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
