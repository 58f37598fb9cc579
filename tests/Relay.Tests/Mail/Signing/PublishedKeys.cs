using MimeKit;
using MimeKit.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;
using Relay.Mail.Accounts;
using Relay.Mail.Signing;

namespace Relay.Tests.Mail.Signing;

/// <summary>Public keys as receivers find them, by selector, and MimeKit as a verifier that shares no code with us.</summary>
internal sealed class PublishedKeys(IReadOnlyDictionary<string, (DkimAlgorithm Algorithm, byte[] Key)> keys) : IDkimPublicKeyLocator
{
    public static PublishedKeys Of(SendingDomain domain) =>
        new(domain.Keys.ToDictionary(key => key.Selector, key => (key.Algorithm, key.PublicKey)));

    /// <summary>How many of a message's signatures are good, and how many there are.</summary>
    public (int Good, int All) Check(byte[] message)
    {
        using var read = MimeMessage.Load(new MemoryStream(message), TestContext.Current.CancellationToken);
        var verifier = new DkimVerifier(this);
        var signatures = read.Headers.Where(h => h.Id == HeaderId.DkimSignature).ToList();
        return (signatures.Count(s => verifier.Verify(read, s, TestContext.Current.CancellationToken)), signatures.Count);
    }

    public AsymmetricKeyParameter LocatePublicKey(string methods, string domain, string selector, CancellationToken cancellationToken = default) =>
        keys.GetValueOrDefault(selector) switch
        {
            (DkimAlgorithm.Rsa, { } key) => PublicKeyFactory.CreateKey(key),
            (DkimAlgorithm.Ed25519, { } key) => new Ed25519PublicKeyParameters(key),
            _ => null!,
        };

    public Task<AsymmetricKeyParameter> LocatePublicKeyAsync(string methods, string domain, string selector, CancellationToken cancellationToken = default) =>
        Task.FromResult(LocatePublicKey(methods, domain, selector, cancellationToken));
}
