using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>Which waiting mail is meant: what fits everything that is named. Naming nothing is no selection, so that an empty form never means the whole queue.</summary>
public sealed record QueueSelector
{
    public string? Account { get; init; }

    /// <summary>As lanes have it: lower case, A-labels.</summary>
    public string? Domain { get; init; }

    public MessageClass? Class { get; init; }
    public MessageId? Message { get; init; }

    public bool IsEmpty => this is { Account: null, Domain: null, Class: null, Message: null };

    /// <summary>Whether mail of this lane may be meant; with <see cref="Message"/> only that message's.</summary>
    public bool Covers(Lane lane) =>
        (Account is null || Account == lane.Account)
        && (Domain is null || Domain == lane.Domain)
        && (Class is null || Class == lane.Class);

    public bool Covers(Lane lane, MessageId message) => (Message is null || Message == message) && Covers(lane);
}
