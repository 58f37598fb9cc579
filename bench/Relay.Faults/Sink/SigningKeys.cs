using MimeKit;
using MimeKit.Cryptography;
using Org.BouncyCastle.Crypto;

namespace Relay.Faults.Sink;

/// <summary>The keys that the relay asked its users to publish, and what a receiver that looks them up says of a mail (RFC 6376, 6.1).</summary>
/// <param name="records">The texts of the key records, by their names.</param>
internal sealed class SigningKeys(IReadOnlyDictionary<string, string> records) : DkimPublicKeyLocatorBase
{
    // One by each algorithm.
    private const int Signatures = 2;

    /// <summary>Null when both signatures are there and good.</summary>
    public string? FaultOf(byte[] content)
    {
        using var message = MimeMessage.Load(new MemoryStream(content, writable: false));
        var signatures = message.Headers.Where(header => header.Id == HeaderId.DkimSignature).ToList();
        if (signatures.Count != Signatures)
        {
            return $"{signatures.Count} DKIM signatures instead of {Signatures}";
        }

        var verifier = new DkimVerifier(this);
        verifier.Enable(DkimSignatureAlgorithm.RsaSha256);
        verifier.Enable(DkimSignatureAlgorithm.Ed25519Sha256);
        try
        {
            return signatures.Find(signature => !verifier.Verify(message, signature)) is { } bad ? $"a DKIM signature is not good: {bad.Value}" : null;
        }
        catch (Exception e) when (e is ParseException or FormatException)
        {
            return $"a DKIM signature cannot be read: {e.Message}";
        }
    }

    public override AsymmetricKeyParameter LocatePublicKey(string methods, string domain, string selector, CancellationToken cancellationToken = default) =>
        records.TryGetValue($"{selector}._domainkey.{domain}", out var text) ? GetPublicKey(text) : throw new ParseException($"{selector} is no key of {domain}", 0, 0);

    public override Task<AsymmetricKeyParameter> LocatePublicKeyAsync(string methods, string domain, string selector, CancellationToken cancellationToken = default) =>
        Task.FromResult(LocatePublicKey(methods, domain, selector, cancellationToken));
}
