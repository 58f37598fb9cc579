using Relay.Mail.Messages;

namespace Relay.Delivery.TlsPolicies;

/// <summary>What a connection has proved. It never changes, so what a message demands can be held against it at any time.</summary>
/// <param name="Terms">What it was opened under.</param>
/// <param name="Proof">What proves the host, as events show it: <c>certificate</c>, <c>dane 3 1 1</c>; null where nothing does.</param>
/// <param name="OnlyFor">The proof holds for this domain alone; null where it does for all of the site.</param>
/// <param name="Trouble">What would have kept it from being used under a stricter policy; null where nothing would.</param>
internal sealed record ConnectionSecurity(TlsTerms? Terms, string? Proof = null, string? OnlyFor = null, TlsTrouble? Trouble = null)
{
    public static readonly ConnectionSecurity None = new((TlsTerms?)null);

    /// <summary>Whether a message with this demand, for this domain, may go over it.</summary>
    public bool Satisfies(TlsDemand demand, string domain) => demand switch
    {
        TlsDemand.Waived => true,
        TlsDemand.Verified => IsProvedFor(domain),
        TlsDemand.RequireTls => IsProvedFor(domain) && Terms is { IsHostCertain: true },
        _ => Terms is null || (!Terms.IsWaived && (!Terms.NeedsProof || Proof is not null) && (OnlyFor is null || OnlyFor == domain || !Terms.NeedsProof)),
    };

    private bool IsProvedFor(string domain) => Proof is not null && (OnlyFor is null || OnlyFor == domain);
}
