using Relay.Intake.Domains;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>
/// What a receiver will pass a message by (RFC 9989, 4.4): names that fit the author's, by the author's own policy, and of these
/// only what we know the DNS to confirm. A name that fits says nothing where its SPF record does not let us send.
/// </summary>
internal sealed class Alignments(SendingDomains domains)
{
    /// <param name="author">The domain of the From field.</param>
    /// <param name="signer">The domain of our signature; null when we do not sign.</param>
    /// <param name="returnPath">Ours, for which SPF lets us send; null where the sender's own address stays.</param>
    public async ValueTask<Alignment> FindAsync(
        string account, string author, string? signer, EnvelopeAddress? returnPath, EnvelopeAddress? sender, CancellationToken cancellation)
    {
        var policy = await domains.FindPolicyAsync(account, author, cancellation);
        var envelope = (returnPath ?? sender)?.Domain;
        var fits = envelope is not null && (policy.StrictSpf ? envelope == author : FitsRelaxed(envelope, author, signer));
        return new Alignment(signer, fits && (returnPath is not null || await domains.LetsUsSendAsync(account, envelope!, cancellation)) ? envelope : null)
        {
            IsOtherSigner = policy.StrictDkim && signer is not null && signer != author,
        };
    }

    // RFC 9989, 4.10.2, without a list of public suffixes: one above the other, or both below a domain that the account controls.
    private static bool FitsRelaxed(string sender, string author, string? controlled) =>
        sender.Contains('.', StringComparison.Ordinal)
        && (IsWithin(sender, author) || IsWithin(author, sender) || (controlled is not null && IsWithin(sender, controlled)));

    private static bool IsWithin(string name, string domain) =>
        name == domain || (name.EndsWith(domain, StringComparison.Ordinal) && name[^(domain.Length + 1)] == '.');
}
