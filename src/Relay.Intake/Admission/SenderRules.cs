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
    private static readonly Refusal NoScope =
        new(RefusalReason.NotAllowed, "this key may not send; use one with the scope send");

    /// <summary>Null when the key may send, and as this reverse-path; the null sender is anybody's.</summary>
    public async ValueTask<Refusal?> CheckAsync(Credential credential, EnvelopeAddress? sender, CancellationToken cancellation) =>
        !credential.Scopes.Contains(CredentialScope.Send) ? NoScope
        : sender is null ? null
        : await CheckAddressAsync(credential, sender, cancellation);

    /// <summary>Null when the account may be the author that the header names.</summary>
    public async ValueTask<Refusal?> CheckAsync(Credential credential, Authors authors, CancellationToken cancellation)
    {
        foreach (var address in authors.From)
        {
            if (await CheckAddressAsync(credential, address, cancellation) is { } refusal)
            {
                return refusal;
            }
        }

        return authors.Sender is null ? null : await CheckAddressAsync(credential, authors.Sender, cancellation);
    }

    private async ValueTask<Refusal?> CheckAddressAsync(Credential credential, EnvelopeAddress address, CancellationToken cancellation)
    {
        if (!credential.MaySendAs(address.Domain))
        {
            return new Refusal(
                RefusalReason.NotAllowed,
                $"this key may send as {string.Join(", ", credential.Domains)} only, not as {address.Domain}",
                "from");
        }

        // What a test key sends never leaves, so it may try out any name.
        if (!bootstrap.Value.RequireVerifiedDomains
            || credential.Mode == MessageMode.Test
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
