namespace Relay.Delivery.TlsPolicies;

/// <summary>What kept a session from being as safe as it should be: the result types of RFC 8460, 4.3.</summary>
internal enum TlsTrouble
{
    StartTlsNotSupported,
    CertificateHostMismatch,
    CertificateExpired,
    CertificateNotTrusted,

    /// <summary>Anything without a word of its own: a broken handshake, a host that the policy does not name.</summary>
    ValidationFailure,

    /// <summary>The TLSA records are there, and none of them can be used.</summary>
    TlsaInvalid,

    /// <summary>The resolver found the answer forged, or could not get one that it can prove.</summary>
    DnssecInvalid,
    StsPolicyFetchError,
    StsPolicyInvalid,
    StsWebpkiInvalid,
}
