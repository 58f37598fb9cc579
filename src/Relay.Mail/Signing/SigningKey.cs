using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Relay.Mail.Signing;

public enum DkimAlgorithm
{
    /// <summary>RSA with SHA-256: every receiver knows it.</summary>
    Rsa,

    /// <summary>RFC 8463: short and quick, not known to every receiver, hence always beside RSA.</summary>
    Ed25519,
}

/// <summary>A private key ready for use, under the name by which receivers find its public half. May be used by many threads at once.</summary>
public abstract class SigningKey
{
    // Shorter ones are ignored, longer ones do not fit every DNS provider's form (RFC 8301, 3.2).
    private const int RsaBits = 2048;

    private SigningKey(string selector) => Selector = selector;

    public string Selector { get; }

    /// <summary>As the tag <c>a=</c> says it.</summary>
    internal abstract string Algorithm { get; }

    /// <summary>Signs a SHA-256.</summary>
    internal abstract byte[] Sign(byte[] hash);

    /// <param name="privateKey">As <see cref="Create"/> gave it.</param>
    /// <exception cref="CryptographicException">It is no such key.</exception>
    public static SigningKey Of(DkimAlgorithm algorithm, string selector, byte[] privateKey) => algorithm switch
    {
        DkimAlgorithm.Rsa => new RsaKey(selector, privateKey),
        DkimAlgorithm.Ed25519 => new Ed25519Key(selector, privateKey),
        _ => throw new UnreachableException(),
    };

    /// <summary>A new pair: the private half as PKCS#8 or as the 32 octets of a seed, the public half as a DKIM record holds it in <c>p=</c>.</summary>
    public static (byte[] Private, byte[] Public) Create(DkimAlgorithm algorithm)
    {
        if (algorithm == DkimAlgorithm.Ed25519)
        {
            var seed = RandomNumberGenerator.GetBytes(Ed25519.SecretKeySize);
            var point = new byte[Ed25519.PublicKeySize];
            Ed25519.GeneratePublicKey(seed, 0, point, 0);
            return (seed, point);
        }

        using var rsa = RSA.Create(RsaBits);
        return (rsa.ExportPkcs8PrivateKey(), rsa.ExportSubjectPublicKeyInfo());
    }

    // The platform's RSA, OpenSSL on Linux: the managed one of the MIME library takes several times as long.
    private sealed class RsaKey : SigningKey
    {
        private readonly byte[] _privateKey;

        // An instance is one thread's at a time; there are never more than signed at the same moment.
        private readonly ConcurrentBag<RSA> _idle = [];

        public RsaKey(string selector, byte[] privateKey)
            : base(selector)
        {
            _privateKey = privateKey;
            _idle.Add(Import());
        }

        internal override string Algorithm => "rsa-sha256";

        internal override byte[] Sign(byte[] hash)
        {
            var rsa = _idle.TryTake(out var idle) ? idle : Import();
            try
            {
                return rsa.SignHash(hash, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            }
            finally
            {
                _idle.Add(rsa);
            }
        }

        private RSA Import()
        {
            var rsa = RSA.Create();
            rsa.ImportPkcs8PrivateKey(_privateKey, out _);
            return rsa;
        }
    }

    private sealed class Ed25519Key : SigningKey
    {
        private readonly byte[] _seed;
        private readonly byte[] _public = new byte[Ed25519.PublicKeySize];

        public Ed25519Key(string selector, byte[] seed)
            : base(selector)
        {
            _seed = seed.Length == Ed25519.SecretKeySize ? seed : throw new CryptographicException("an Ed25519 seed has 32 octets");
            Ed25519.GeneratePublicKey(_seed, 0, _public, 0);
        }

        internal override string Algorithm => "ed25519-sha256";

        internal override byte[] Sign(byte[] hash)
        {
            var signature = new byte[Ed25519.SignatureSize];
            Ed25519.Sign(_seed, 0, _public, 0, hash, 0, hash.Length, signature, 0);
            return signature;
        }
    }
}
