using Relay.Mail.Classification;

namespace Relay.Feedback.Incoming;

/// <summary>What a mail that came in tells about mail that went out.</summary>
public sealed record IncomingReport
{
    public required ReportKind Kind { get; init; }

    public IReadOnlyList<ReportedRecipient> Recipients { get; init; } = [];

    /// <summary>With <see cref="ReportKind.Complaint"/>: the Feedback-Type (RFC 5965, 7.3).</summary>
    public string? FeedbackType { get; init; }

    /// <summary>The ENVID that the mail was sent with (RFC 3464, 2.2.1).</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>The Message-ID of the mail that the report gives back.</summary>
    public string? OriginalMessageId { get; init; }

    /// <summary>The addresses that the mail was sent with, as far as the report gives them back: its envelope sender, and where it wanted complaints.</summary>
    public IReadOnlyList<string> SentWith { get; init; } = [];

    /// <summary>With <see cref="ReportKind.Other"/>: a program tells of mail that did arrive, or of checks, so nobody need look at it.</summary>
    public bool IsNews { get; init; }

    /// <summary>The Subject of the mail that came in.</summary>
    public string Subject { get; init; } = "";

    public static IncomingReport Other { get; } = new() { Kind = ReportKind.Other };
}

/// <summary>Everything that is expected at a return path, and the rest.</summary>
public enum ReportKind
{
    /// <summary>Mail that did not arrive, or not yet.</summary>
    Bounce,

    /// <summary>A reader, or who reads for him, called it spam.</summary>
    Complaint,

    /// <summary>A machine answered in the reader's name.</summary>
    AutoReply,

    /// <summary>A reader wants off the list.</summary>
    Unsubscribe,

    /// <summary>News of mail that did arrive, reports about authentication, letters of people.</summary>
    Other,
}

/// <summary>One address of a report.</summary>
/// <param name="Address">As the report writes it; the last one where the mail was passed on.</param>
/// <param name="Original">The address it was sent to, where the report tells it apart from the last one.</param>
/// <param name="Status">The enhanced code; for a bounce there always is one.</param>
/// <param name="Reply">The words of whoever refused.</param>
/// <param name="Severity">Null where there is no failure: complaints and answers.</param>
public sealed record ReportedRecipient(
    string Address, string? Original, string? Status, string? Reply, string Class, Severity? Severity, string Rule, Consequence Consequence)
{
    /// <summary>Still being tried: news, not an end.</summary>
    public bool IsDelayed { get; init; }
}
