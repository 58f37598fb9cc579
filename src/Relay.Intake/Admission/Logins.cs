using System.Net;
using Microsoft.Extensions.Logging;
using Relay.Intake.Http.Keys;
using Relay.Mail.Queue;

namespace Relay.Intake.Admission;

/// <summary>Who it is that comes to a door: a key is known, and may come from there, or not.</summary>
internal sealed partial class Logins(
    Credentials credentials, LoginThrottle throttle, KeyUses uses, TimeProvider time, IntakeMetrics metrics, ILogger<Logins> logger)
{
    /// <summary>Finds the credential of a key. Takes the same time whatever is wrong with it.</summary>
    /// <param name="from">Where it was shown; null where that is not known.</param>
    /// <param name="userName">What was given with it. Any will do; one that is a key's id tells which key is meant.</param>
    public async ValueTask<AuthenticationResult> AuthenticateAsync(string key, IPAddress? from, string? userName, CancellationToken cancellation)
    {
        try
        {
            var credential = await credentials.FindAsync(key, cancellation);
            if (credential is null || !credential.IsGoodAt(time.GetUtcNow()))
            {
                return Failed(from, credential?.Id ?? (ShortId.IsOne("key", userName) ? userName : null));
            }

            if (!credential.MayComeFrom(from))
            {
                LogMisplaced(credential.Id, credential.Account, from);
                return new AuthenticationResult.Misplaced($"this key may not be used from {from?.ToString() ?? "an unknown address"}");
            }

            uses.Note(credential);
            return new AuthenticationResult.Authenticated(credential);
        }
        catch (StoreUnavailableException exception)
        {
            LogStoreUnavailable(exception);
            return AuthenticationResult.Unavailable.Instance;
        }
    }

    private AuthenticationResult Failed(IPAddress? from, string? credential)
    {
        var wait = throttle.Fail(from, credential);
        metrics.LoginFailed(isThrottled: wait is not null);
        return wait is { } time ? new AuthenticationResult.Throttled(time) : AuthenticationResult.Rejected.Instance;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Key {Key} of account {Account} was shown from {Address}, from where it may not be used")]
    private partial void LogMisplaced(string key, string account, IPAddress? address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The store of keys did not answer")]
    private partial void LogStoreUnavailable(StoreUnavailableException exception);
}
