using Relay.Mail.Classification;
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

internal sealed record TimelineView
{
    public required DateTimeOffset Time { get; init; }
    public required string Type { get; init; }
    public string? Recipient { get; init; }
    public int? Attempt { get; init; }
    public string? Host { get; init; }
    public string? Address { get; init; }
    public string? Tls { get; init; }

    /// <summary>By whose word the connection had to be safe.</summary>
    public string? TlsPolicy { get; init; }

    /// <summary>What proved the host.</summary>
    public string? TlsProof { get; init; }

    public string? Reply { get; init; }
    /// <summary>The rule that decided, by its id.</summary>
    public string? Rule { get; init; }

    /// <summary>What that rule takes it for: <c>unknown-user</c>, <c>mailbox-full</c>, <c>blocked</c>.</summary>
    public string? Class { get; init; }

    /// <summary>Who would have to change something.</summary>
    public string? Fault { get; init; }

    /// <summary>With <c>complained</c> and <c>unsubscribed</c>: the stream that is meant; left out, all mail.</summary>
    public string? Stream { get; init; }

    /// <summary>Who decided, where a person did: the key, by its id.</summary>
    public string? By { get; init; }

    public DateTimeOffset? NextAttempt { get; init; }
    public bool? MayHaveBeenDelivered { get; init; }

    public static TimelineView Of(MailEvent happened) => Plain(happened) with
    {
        Class = ExplanationOf(happened)?.Class,
        Fault = ExplanationOf(happened) is (_, var fault) ? Word.Of(fault) : null,
    };

    private static (string Class, Fault Fault)? ExplanationOf(MailEvent happened) =>
        happened.Rule is { } rule ? ReplyClassifier.Default.Explain(rule) : null;

    private static TimelineView Plain(MailEvent happened) => new()
    {
        Time = happened.Time,
        Type = Word.Of(happened.Type),
        Recipient = happened.Recipient,
        Attempt = happened.Attempt,
        Host = happened.Host,
        Address = happened.Address,
        Tls = happened.Tls,
        TlsPolicy = happened.TlsPolicy,
        TlsProof = happened.TlsProof,
        Reply = happened.Reply,
        Rule = happened.Rule,
        Stream = happened.Stream,
        By = happened.By,
        NextAttempt = happened.NextAttempt,
        MayHaveBeenDelivered = happened.MayHaveBeenDelivered,
    };
}

/// <summary>The words of our closed lists as JSON has them. Each is one word, so lower case is camel case.</summary>
internal static class Word
{
    public static string Of<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    public static bool TryParse<T>(string text, out T value)
        where T : struct, Enum => Enum.TryParse(text, ignoreCase: true, out value) && Of(value) == text;
}
