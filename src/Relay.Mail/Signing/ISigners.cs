using System.Security.Cryptography;

namespace Relay.Mail.Signing;

/// <summary>With what the mail of an account is signed.</summary>
public interface ISigners
{
    /// <summary>Signs for the nearest of the account's domains at or above this one; null when there is none with keys.</summary>
    /// <param name="domain">Lower case, A-labels.</param>
    /// <param name="at">With the keys that signed then: a message that is signed again has the same octets, whatever was made since.</param>
    /// <exception cref="CryptographicException">A key is there but cannot be used.</exception>
    ValueTask<DkimSigner?> FindSignerAsync(string account, string domain, DateTimeOffset at, CancellationToken cancellation);
}
