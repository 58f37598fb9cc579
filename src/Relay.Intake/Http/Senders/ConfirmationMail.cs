using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Intake.Composition;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Senders;

/// <summary>Mails an address the link by which its owner says yes. Sparingly: anybody may type anybody's address.</summary>
internal sealed class ConfirmationMail(
    ISenderStore senders, IAccountStore accounts, IOwnMail post, IOptions<HttpOptions> http, IOptions<RelayOptions> relay, TimeProvider time)
{
    /// <summary>How long a link is good.</summary>
    // Over a weekend.
    public static readonly TimeSpan Life = TimeSpan.FromDays(3);

    private const int MostAnAddress = 3;
    private const int MostAnAccount = 50;
    private const int Remembered = 10_000;

    private readonly Lock _lock = new();
    private readonly LeakyCount<string> _byAddress = new(MostAnAddress, TimeSpan.FromDays(1), Remembered);
    private readonly LeakyCount<string> _byAccount = new(MostAnAccount, TimeSpan.FromDays(1), Remembered);

    /// <returns>The address with its new link; earlier ones are good no more.</returns>
    /// <exception cref="ProblemException">It cannot be mailed now.</exception>
    public async ValueTask<VerifiedSender> SendAsync(VerifiedSender sender, CancellationToken cancellation)
    {
        var url = RequireOwnAddress();
        RequireSparing(sender);
        var link = ConfirmationLink.Create(sender.Account, sender.Address);
        var now = time.GetUtcNow();
        var pending = await senders.ChangeAsync(
            sender.Account, sender.Address, known => known with { LinkHash = link.Hash, MailedAt = now }, cancellation)
            ?? throw new ProblemException(Problem.NotFound("the account has no such address"));

        var content = await WriteAsync(sender, $"{url.TrimEnd('/')}/confirm?token={link}", now, cancellation);
        return await post.TrySendAsync(new OwnMail(null, EnvelopeAddress.Parse(sender.Address), content, $"sender:{sender.Id}:{Convert.ToHexStringLower(link.Hash)}"), cancellation)
            ? pending
            : throw new ProblemException(Problem.Unavailable("the mail with the link could not be stored right now; try again later"));
    }

    /// <summary>Where links lead to.</summary>
    /// <exception cref="ProblemException">Nobody has said.</exception>
    // Taken from the request it would lead wherever the request says, with the secret.
    public string RequireOwnAddress() => http.Value.PublicUrl
        ?? throw new ProblemException(Problem.Conflict("the link needs an address that leads here: the operator sets it as Relay:Http:PublicUrl"));

    private async ValueTask<byte[]> WriteAsync(VerifiedSender sender, string link, DateTimeOffset now, CancellationToken cancellation)
    {
        var account = await accounts.FindAccountAsync(sender.Account, cancellation);
        var letter = new Letter
        {
            From = new Mailbox(EnvelopeAddress.Parse($"postmaster@{relay.Value.HostName}"), "Relay"),
            To = [new Mailbox(EnvelopeAddress.Parse(sender.Address), "")],
            Subject = "May mail be sent in your name?",
            Text = $"""
                "{account?.Name ?? sender.Account}" wants to send mail as {sender.Address}
                through {relay.Value.HostName}.

                If that is right, open this page and say yes there:

                {link}

                If you know nothing of it, do nothing: without your yes nothing is sent.
                The link is good for {Life.Days} days, and once.

                """,
            Headers = [new("Auto-Submitted", "auto-generated")],
        };
        return Composer.Write(letter, MessageId.Create(time), now);
    }

    private void RequireSparing(VerifiedSender sender)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if ((_byAddress.Add(sender.Address, now, time) ?? _byAccount.Add(sender.Account, now, time)) is { } wait)
            {
                throw new ProblemException(Problem.TooMany("many such mails went out today, to this address or for this account; try again later", wait));
            }
        }
    }
}
