using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Delivery.TlsPolicies;

/// <summary>
/// Judges the certificate of one handshake by the terms of its connection. What it finds is kept also where nothing was
/// asked: a connection that happens to prove its host may carry what demands that.
/// </summary>
/// <param name="trusted">Authorities in place of the system's; null for those.</param>
internal sealed class PeerJudge(TlsTerms terms, X509ChainPolicy? trusted)
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>What proves the host; null where nothing does.</summary>
    public string? Proof { get; private set; }

    /// <summary>The domain for which alone the proof holds.</summary>
    public string? OnlyFor { get; private set; }

    public TlsTrouble? Trouble { get; private set; }

    /// <summary>Why it is not proved, for people.</summary>
    public string? Words { get; private set; }

    public SslClientAuthenticationOptions Options() => new()
    {
        TargetHost = terms.Name,
        CertificateChainPolicy = trusted?.Clone() ?? SystemPolicy(),
        RemoteCertificateValidationCallback = Judge,
    };

    // Nothing is fetched while a remote waits, least of all from where its certificate says.
    private static X509ChainPolicy SystemPolicy() => new() { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };

    private bool Judge(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 leaf || chain is null)
        {
            Fail(TlsTrouble.ValidationFailure, "the remote showed no certificate");
        }
        else if (terms.Tlsa is { Count: > 0 } records)
        {
            JudgeByDane(leaf, Presented(leaf, chain), records);
        }
        else if (errors == SslPolicyErrors.None)
        {
            Proof = "certificate";
        }
        else
        {
            Explain(leaf, chain, errors);
        }

        // Encryption to someone unproved is still better than none, where nobody asks for more (RFC 7435).
        return Proof is not null || !terms.NeedsProof;
    }

    private void JudgeByDane(X509Certificate2 leaf, List<X509Certificate2> presented, IReadOnlyList<Tlsa> records)
    {
        // The record stands for all: neither names nor times in the certificate count (RFC 7672, 3.1.1).
        if (records.FirstOrDefault(r => r.Usage == Tlsa.Host && r.Matches(leaf)) is { } own)
        {
            Proof = own.ToString();
            return;
        }

        foreach (var record in records.Where(r => r.Usage == Tlsa.Authority))
        {
            if ((presented.Find(record.Matches) ?? record.Certificate()) is not { } authority)
            {
                continue;
            }

            if (!VouchesFor(authority, leaf, presented, out var expired))
            {
                Fail(
                    expired ? TlsTrouble.CertificateExpired : TlsTrouble.CertificateNotTrusted,
                    expired ? "the certificate, or one above it, is not valid at this time" : "the authority that DANE names has not signed the certificate");
            }
            else if (!TryName(leaf, out var name))
            {
                Fail(TlsTrouble.ValidationFailure, "the names in the certificate cannot be read");
            }
            else if (name is not null)
            {
                (Proof, OnlyFor) = (record.ToString(), name == terms.Name || name == terms.MxName ? null : name);
                return;
            }
            else
            {
                Fail(TlsTrouble.CertificateHostMismatch, $"the certificate does not name {terms.Name}");
            }
        }

        if (Trouble is null)
        {
            Fail(TlsTrouble.ValidationFailure, "no TLSA record fits the certificate");
        }
    }

    // Whether the chain leads to this authority, whoever stands above it.
    private static bool VouchesFor(X509Certificate2 authority, X509Certificate2 leaf, List<X509Certificate2> presented, out bool expired)
    {
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
                VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority,
                ApplicationPolicy = { new Oid(ServerAuthentication) },
            },
        };
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.ExtraStore.AddRange(presented.ToArray());

        var sound = chain.Build(leaf);
        expired = chain.ChainStatus.Any(s => s.Status == X509ChainStatusFlags.NotTimeValid);
        var leadsThere = chain.ChainElements.Skip(1).Any(e => e.Certificate.RawDataMemory.Span.SequenceEqual(authority.RawDataMemory.Span));
        foreach (var element in chain.ChainElements)
        {
            element.Certificate.Dispose();
        }

        return sound && leadsThere;
    }

    // Which of the names it may prove the certificate has, the domain last; null where none. False where what stands there is no
    // list of names at all.
    private bool TryName(X509Certificate2 leaf, out string? name)
    {
        try
        {
            // What an MX says need not be a name.
            name = new[] { terms.Name, terms.MxName, terms.Domain }
                .FirstOrDefault(n => n is not null && Uri.CheckHostName(n) != UriHostNameType.Unknown && leaf.MatchesHostname(n));
            return true;
        }
        catch (CryptographicException)
        {
            name = null;
            return false;
        }
    }

    private static List<X509Certificate2> Presented(X509Certificate2 leaf, X509Chain chain) =>
        [.. chain.ChainElements.Select(e => e.Certificate).Concat(chain.ChainPolicy.ExtraStore).Where(c => !c.Equals(leaf)).DistinctBy(c => c.Thumbprint)];

    private void Explain(X509Certificate2 leaf, X509Chain chain, SslPolicyErrors errors)
    {
        var faults = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, s) => all | s.Status);
        if (faults.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            Fail(TlsTrouble.CertificateExpired, $"the certificate is valid from {leaf.NotBefore.ToUniversalTime():u} to {leaf.NotAfter.ToUniversalTime():u} only");
        }
        else if ((faults & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0)
        {
            Fail(TlsTrouble.CertificateNotTrusted, "no authority that is trusted here vouches for the certificate");
        }
        else if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            Fail(TlsTrouble.CertificateHostMismatch, $"the certificate does not name {terms.Name}");
        }
        else
        {
            Fail(TlsTrouble.ValidationFailure, $"the certificate is not valid: {faults}");
        }
    }

    private void Fail(TlsTrouble trouble, string words) => (Trouble, Words) = (trouble, words);
}
