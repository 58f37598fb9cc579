using Relay.Mail.Bounces;
using Relay.Mail.Messages;

namespace Relay.Mail.Events;

/// <summary>Something that happened to a message or to one of its recipients. Never changed once written.</summary>
public sealed record MailEvent
{
    public required DateTimeOffset Time { get; init; }
    public required MailEventType Type { get; init; }
    public required MessageId Message { get; init; }
    public required string Account { get; init; }

    /// <summary>Whom it is about; null when it is about the whole message.</summary>
    public string? Recipient { get; init; }

    /// <summary>The number of the attempt, from 1.</summary>
    public int? Attempt { get; init; }

    /// <summary>The remote host as MX or route names it.</summary>
    public string? Host { get; init; }

    /// <summary>The address connected to, with its port.</summary>
    public string? Address { get; init; }

    /// <summary>Protocol and cipher, <c>TLS1.3 TLS_AES_256_GCM_SHA384</c>; null in clear text.</summary>
    public string? Tls { get; init; }

    /// <summary>By whose word the connection had to be safe: <c>dane</c>, <c>mta-sts enforce</c>, <c>mta-sts testing</c>, <c>route</c>, <c>message</c>; null where nobody asked.</summary>
    public string? TlsPolicy { get; init; }

    /// <summary>What proved that the host is the one it says: <c>certificate</c>, <c>dane 3 1 1</c>; null where nothing did.</summary>
    public string? TlsProof { get; init; }

    /// <summary>The remote's own words, one line; where no remote spoke, ours.</summary>
    public string? Reply { get; init; }

    /// <summary>The rule that decided, by its id.</summary>
    public string? Rule { get; init; }

    /// <summary>
    /// With <see cref="MailEventType.Bounced"/>, true: the address itself is at fault, so nothing more is sent there. With
    /// <see cref="MailEventType.Complained"/> and <see cref="MailEventType.Unsubscribed"/>, false: it was only played, or said of mail that is not
    /// the account's own, and nothing follows.
    /// </summary>
    public bool? Suppresses { get; init; }

    /// <summary>With <see cref="MailEventType.Complained"/> and <see cref="MailEventType.Unsubscribed"/>: the stream it is confined to; null means all mail of the account.</summary>
    public string? Stream { get; init; }

    /// <summary>Who decided, where a person did: the credential, by its id.</summary>
    public string? By { get; init; }

    /// <summary>When it is tried again.</summary>
    public DateTimeOffset? NextAttempt { get; init; }

    /// <summary>At an end that no remote decided: an attempt before was uncertain, so a copy may have arrived.</summary>
    public bool? MayHaveBeenDelivered { get; init; }

    /// <summary>With <see cref="MailEventType.Accepted"/>: the message as lists show it.</summary>
    public MessageSummary? Summary { get; init; }
}

/// <summary>Everything that can happen to a message: a closed list.</summary>
public enum MailEventType
{
    Accepted,
    Rejected,
    Scheduled,
    Cancelled,
    Deferred,
    Delivered,
    Bounced,
    Expired,
    Suppressed,
    Uncertain,
    Complained,
    Opened,
    Clicked,
    Unsubscribed,
}

/// <summary>What lists and timelines show of a message without its record, which is gone once it is finished.</summary>
public sealed record MessageSummary
{
    public required string MessageId { get; init; }
    public required string From { get; init; }
    public required string Subject { get; init; }
    public required IReadOnlyList<string> Recipients { get; init; }
    public MessageSource Source { get; init; }
    public MessageMode Mode { get; init; }
    public MessageClass Class { get; init; }
    public string? Stream { get; init; }
    public long Size { get; init; }
    public DateTimeOffset? SendAt { get; init; }
    public Alignment? Alignment { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = [];
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>What a report about a late failure needs; null where nobody wants one.</summary>
    public ReportTerms? Reports { get; init; }

    /// <summary>The event with which every message begins.</summary>
    public static MailEvent AcceptedEvent(Message message) => new()
    {
        Time = message.AcceptedAt,
        Type = MailEventType.Accepted,
        Message = message.Id,
        Account = message.Account,
        Summary = new MessageSummary
        {
            MessageId = message.MessageIdHeader,
            From = message.From,
            Subject = message.Subject,
            Recipients = [.. message.Envelope.Recipients.Select(r => r.Address.Text)],
            Source = message.Source,
            Mode = message.Mode,
            Class = message.Class,
            Stream = message.Stream,
            Size = message.Content.Length,
            SendAt = message.SendAt,
            Alignment = message.Alignment,
            Tags = message.Tags,
            Metadata = message.Metadata.Count == 0 ? null : message.Metadata,
            Reports = ReportTerms.Of(message),
        },
    };

    /// <summary>What follows it at once where the message is for later; null for all other mail.</summary>
    public static MailEvent? ScheduledEvent(Message message) => message.SendAt > message.AcceptedAt
        ? new MailEvent { Time = message.AcceptedAt, Type = MailEventType.Scheduled, Message = message.Id, Account = message.Account, NextAttempt = message.SendAt }
        : null;
}
