using Relay.Intake.Composition;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Sending;

/// <summary>A request whose every field was found good.</summary>
/// <param name="Recipients">To, Cc and Bcc; may hold an address twice.</param>
internal sealed record Draft(Letter Letter, IReadOnlyList<Mailbox> Recipients)
{
    public MessageClass Class { get; init; }
    public string? Stream { get; init; }
    public TlsDemand Tls { get; init; }
    public DateTimeOffset? SendAt { get; init; }
    public TimeSpan? ExpiresIn { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = [];
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}
