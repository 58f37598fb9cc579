using Microsoft.Extensions.Logging;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Intake.Admission;

/// <summary>Brings what the relay writes itself through the gate, as mail of the account that owns the installation.</summary>
internal sealed partial class OwnMailGate(AdmissionGate gate, TimeProvider time, ILogger<OwnMailGate> logger) : IOwnMail
{
    private readonly Credential _own = new()
    {
        Id = "relay",
        Account = Account.Default,
        Name = "the relay itself",
        KeyHash = [],
        CreatedAt = time.GetUtcNow(),
        BounceMail = false,
    };

    public async ValueTask<bool> TrySendAsync(OwnMail mail, CancellationToken cancellation)
    {
        var key = new IdempotencyKey(mail.Key, mail.Key);
        var result = await gate.AdmitAsync(
            new Submission
            {
                Id = MessageId.Create(time, key.SlotFor(_own.Account)),
                Credential = _own,
                Source = MessageSource.Report,
                Envelope = new Envelope { Sender = mail.Sender, Recipients = [new Recipient { Address = mail.Recipient, Notify = DsnNotify.Never }] },
                Trace = ReadOnlyMemory<byte>.Empty,
                Head = mail.Content,
                Length = mail.Content.Length,
                Idempotency = key,
            },
            cancellation);
        if (result is AdmissionResult.Refused { Refusal.Reason: not (RefusalReason.StoreFull or RefusalReason.StoreUnavailable) } refused)
        {
            // Nothing that time would mend: what wrote it is wrong.
            LogOwnRefused(mail.Key, refused.Refusal.Text);
        }

        return result is AdmissionResult.Admitted or AdmissionResult.Replayed;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The gate refused the relay's own mail {Key}: {Text}")]
    private partial void LogOwnRefused(string key, string text);
}
