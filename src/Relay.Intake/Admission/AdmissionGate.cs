using Relay.Mail.Accounts;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>The one gate behind every door: who is it, may they send as this, and is it durable.</summary>
public sealed class AdmissionGate
{
    /// <summary>Finds the credential of a key. Takes the same time whatever is wrong with it.</summary>
    public ValueTask<AuthenticationResult> AuthenticateAsync(string key, CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>May this credential use this reverse-path? Null means yes.</summary>
    public ValueTask<Refusal?> CheckSenderAsync(Credential credential, EnvelopeAddress? sender, CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Checks the content's header and author, completes Date and Message-ID, and enqueues.</summary>
    public ValueTask<AdmissionResult> AdmitAsync(Submission submission, CancellationToken cancellation) => throw new NotImplementedException();
}

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
