using Relay.Mail;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Messages;

/// <summary>A message as the API shows it: how each recipient stands, and all that happened.</summary>
internal sealed record MessageView
{
    public required string Id { get; init; }
    public required string MessageId { get; init; }
    public required string From { get; init; }
    public required string Subject { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required string Source { get; init; }
    public required string Mode { get; init; }
    public required string Class { get; init; }
    public string? Stream { get; init; }
    public required long Size { get; init; }
    public DateTimeOffset? SendAt { get; init; }

    /// <summary>What DMARC will pass by.</summary>
    public AlignmentView? Alignment { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }
    public required IReadOnlyDictionary<string, string> Metadata { get; init; }
    public required IReadOnlyList<RecipientView> Recipients { get; init; }

    /// <summary>In the order in which it happened; left out in lists.</summary>
    public IReadOnlyList<TimelineView>? Timeline { get; init; }

    /// <param name="waiting">What a recipient waits for; null when it does not.</param>
    public static MessageView Of(MessageActivity activity, Func<RecipientStatus, WaitingView?> waiting) =>
        Row(activity, waiting) with { Timeline = [.. activity.Events.Select(TimelineView.Of)] };

    public static MessageView Row(MessageActivity activity, Func<RecipientStatus, WaitingView?> waiting)
    {
        var summary = activity.Summary;
        return new MessageView
        {
            Id = activity.Id.ToString(),
            MessageId = summary.MessageId,
            From = summary.From,
            Subject = summary.Subject,
            CreatedAt = activity.Events is [var accepted, ..] ? accepted.Time : activity.Id.CreatedAt,
            Source = Word.Of(summary.Source),
            Mode = Word.Of(summary.Mode),
            Class = Word.Of(summary.Class),
            Stream = summary.Stream,
            Size = summary.Size,
            SendAt = summary.SendAt,
            Alignment = summary.Alignment is { } alignment ? new AlignmentView(alignment.IsAligned, alignment.Dkim, alignment.Spf) : null,
            Tags = summary.Tags,
            Metadata = summary.Metadata ?? new Dictionary<string, string>(),
            Recipients = [.. activity.Recipients().Select(r => new RecipientView(r.Email, Word.Of(r.State), waiting(r)))],
        };
    }
}

/// <param name="Dkim">The domain that signed; left out when none did.</param>
/// <param name="Spf">The envelope sender's domain, where it is aligned and its SPF record was seen to let the relay send.</param>
internal sealed record AlignmentView(bool Aligned, string? Dkim, string? Spf);

internal sealed record RecipientView(string Email, string Status, WaitingView? Waiting);

/// <summary>One event as the timeline shows it.</summary>
internal sealed record TimelineView : ToldEvent
{
    public TimelineView()
    {
    }

    private TimelineView(ToldEvent told)
        : base(told)
    {
    }

    public required DateTimeOffset Time { get; init; }
    public required string Type { get; init; }

    public static new TimelineView Of(MailEvent happened) => new(ToldEvent.Of(happened)) { Time = happened.Time, Type = Word.Of(happened.Type) };
}
