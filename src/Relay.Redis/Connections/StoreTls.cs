using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StackExchange.Redis;

namespace Relay.Redis.Connections;

/// <summary>How TLS is spoken with the store: which authorities are trusted, and what the relay shows of itself.</summary>
internal sealed class StoreTls
{
    private readonly X509Certificate2Collection? _authorities;
    private readonly SslStreamCertificateContext? _own;

    private StoreTls(X509Certificate2Collection? authorities, SslStreamCertificateContext? own) => (_authorities, _own) = (authorities, own);

    /// <exception cref="StoreRefusedException">A file that is named cannot be used.</exception>
    public static StoreTls Read(RedisTlsOptions options)
    {
        if (options.Certificate is null != options.Key is null)
        {
            throw new StoreRefusedException("Relay:RedisTls: Certificate and Key go together, and only one of them is set");
        }

        var authorities = options.Authority is { } authority ? ReadAll(authority) : null;
        return new StoreTls(authorities, options is { Certificate: { } certificate, Key: { } key } ? ReadOwn(certificate, key) : null);
    }

    /// <summary>Speaks it over every connection of these.</summary>
    public void PutUnder(ConfigurationOptions options)
    {
        // A store's own authority hardly ever publishes what it has revoked, and what it does not publish counts as revoked.
        var revocation = options.CheckCertificateRevocation && _authorities is null ? X509RevocationMode.Online : X509RevocationMode.NoCheck;
        options.SslClientAuthenticationOptions = host => new SslClientAuthenticationOptions
        {
            TargetHost = host,
            EnabledSslProtocols = options.SslProtocols ?? System.Security.Authentication.SslProtocols.None,
            ClientCertificateContext = _own,
            CertificateChainPolicy = PolicyOf(revocation),
        };
    }

    private X509ChainPolicy PolicyOf(X509RevocationMode revocation)
    {
        var policy = new X509ChainPolicy { RevocationMode = revocation };
        if (_authorities is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(_authorities);
        }

        return policy;
    }

    private static X509Certificate2Collection ReadAll(string file)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StoreRefusedException($"Relay:RedisTls:Authority, '{file}', cannot be read: {e.Message}", e);
        }

        return found.Count > 0 ? found : throw new StoreRefusedException($"Relay:RedisTls:Authority, '{file}', holds no certificate in PEM form");
    }

    private static SslStreamCertificateContext ReadOwn(string certificate, string key)
    {
        try
        {
            // What stands behind the first belongs to whoever signed it, and is sent along.
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(certificate);
            return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(certificate, key), chain, offline: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StoreRefusedException($"Relay:RedisTls:Certificate, '{certificate}', cannot be used with the key '{key}': {e.Message}", e);
        }
    }
}
