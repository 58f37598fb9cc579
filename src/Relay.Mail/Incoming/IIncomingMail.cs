using System.Net;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Mail.Incoming;

/// <summary>What the world answers to our mail: bounces, complaints, automatic answers, wishes to be taken off. The seam between the door and those who read it.</summary>
public interface IIncomingMail
{
    /// <summary>Whether an address is one that we gave out. Asks no store.</summary>
    bool Knows(EnvelopeAddress recipient);

    /// <summary>Whether an address that is not known may be one of ours all the same, as will be known later or elsewhere. Asks no store.</summary>
    bool MayComeToKnow(EnvelopeAddress recipient);

    /// <summary>Takes a mail for addresses that are known. Nothing is ever answered to its sender.</summary>
    ValueTask<IncomingResult> TakeAsync(IncomingMail mail, CancellationToken cancellation);
}

/// <param name="Id">Names it in the log, and where it is kept aside.</param>
/// <param name="Sender">The reverse-path; null is the empty one.</param>
/// <param name="Content">The first octets of it, which hold what programs and people are told.</param>
/// <param name="Length">Octets of the whole.</param>
/// <param name="Client">Who brought it.</param>
public sealed record IncomingMail(
    MessageId Id,
    EnvelopeAddress? Sender,
    IReadOnlyList<EnvelopeAddress> Recipients,
    ReadOnlyMemory<byte> Content,
    long Length,
    IPAddress Client,
    DateTimeOffset ReceivedAt);

public enum IncomingResult
{
    /// <summary>All that follows from it is durable: say 250.</summary>
    Taken,

    /// <summary>It tells of mail that is still under way as far as we know. Told again in a while it can be taken: 451.</summary>
    TooEarly,

    /// <summary>The store has no room: 452.</summary>
    StoreFull,

    /// <summary>The store is away or slow, and whether something was taken is not known; told again it is taken once: 451.</summary>
    StoreUnavailable,
}
