using Microsoft.Extensions.Options;
using Relay.Intake.Domains;
using Relay.Intake.Http;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>Who may send as whom. Every name a reader could take for the sender is checked: MAIL FROM, each From, Sender.</summary>
internal sealed class SenderRules(
    SendingDomains domains, SendingAddresses addresses, IOptions<BootstrapOptions> bootstrap, IOptions<HttpOptions> http)
{
    private static readonly Refusal TwoAuthors =
        new(RefusalReason.HeaderInvalid, "the From field has more than one address; Gmail, Yahoo and Microsoft refuse such mail", "from");

    private static readonly Refusal NoScope =
        new(RefusalReason.NotAllowed, "this key may not send; use one with the scope send");

    /// <summary>Null when the key may send, and as this reverse-path; the null sender is anybody's.</summary>
    public async ValueTask<Refusal?> CheckAsync(Credential credential, EnvelopeAddress? sender, CancellationToken cancellation) =>
        !credential.Scopes.Contains(CredentialScope.Send) ? NoScope
        : sender is null ? null
        : await CheckAddressAsync(credential, sender, cancellation);

    /// <summary>
    /// Null when the account may be the author that the header names, and large receivers will not refuse the mail on sight: for two
    /// authors, one of a free mail provider, or bulk mail without a DMARC policy.
    /// </summary>
    public async ValueTask<Refusal?> CheckAsync(Credential credential, Authors authors, MessageClass @class, CancellationToken cancellation)
    {
        foreach (var address in authors.From)
        {
            if (CheckFreeMail(credential, address) is { } free)
            {
                return free;
            }
        }

        foreach (var address in authors.From)
        {
            if (await CheckAddressAsync(credential, address, cancellation) is { } refusal)
            {
                return refusal;
            }
        }

        if (authors.Sender is not null && await CheckAddressAsync(credential, authors.Sender, cancellation) is { } sender)
        {
            return sender;
        }

        return !IsStrict(credential) ? null
            : authors.From.Count > 1 ? TwoAuthors
            : @class == MessageClass.Bulk && (await domains.FindPolicyAsync(credential.Account, authors.From[0].Domain, cancellation)).IsMissing ? WithoutPolicy(authors.From[0].Domain)
            : null;
    }

    /// <summary>Null unless this is a mailbox that only its provider may send for.</summary>
    public Refusal? CheckFreeMail(Credential credential, EnvelopeAddress author) => IsStrict(credential) && FreeMail.Has(author.Domain)
        ? new Refusal(
            RefusalReason.SenderNotVerified,
            $"{author.Domain} lets nobody else send in its name, so other receivers refuse such mail; use an address of a domain of your own in From, and this one in Reply-To",
            "from")
        : null;

    private static Refusal WithoutPolicy(string domain) => new(
        RefusalReason.SenderNotVerified,
        $"bulk mail of {domain} needs a DMARC policy, or Gmail, Yahoo and Microsoft refuse it: publish a TXT record at _dmarc.{domain}, v=DMARC1; p=none is enough, and verify the domain again",
        "from");

    // What a test key sends never leaves, so it may try out any name.
    private bool IsStrict(Credential credential) => bootstrap.Value.RequireVerifiedDomains && credential.Mode != MessageMode.Test;

    private async ValueTask<Refusal?> CheckAddressAsync(Credential credential, EnvelopeAddress address, CancellationToken cancellation)
    {
        if (!credential.MaySendAs(address.Domain))
        {
            return new Refusal(
                RefusalReason.NotAllowed,
                $"this key may send as {string.Join(", ", credential.Domains)} only, not as {address.Domain}",
                "from");
        }

        if (!IsStrict(credential)
            || await domains.CoversAsync(credential.Account, address.Domain, cancellation)
            || await addresses.CoversAsync(credential.Account, address, cancellation))
        {
            return null;
        }

        return new Refusal(
            RefusalReason.SenderNotVerified,
            $"domain {address.Domain} is not verified for this account; verify it with POST {http.Value.PublicUrl?.TrimEnd('/')}/domains, then send again",
            "from");
    }
}
