namespace Relay.Feedback.Incoming;

/// <summary>A mail that came in, taken apart: what stands in it for programs, for people, and of the mail it is about.</summary>
internal sealed record Letter
{
    public required FieldList Header { get; init; }

    /// <summary>The text for people, all of it.</summary>
    public required string Text { get; init; }

    /// <summary>The text without the mail that it gives back.</summary>
    public string Words => field ??= ReturnedMark.Before(Text);

    /// <summary>The words up to where fields for programs begin, which some daemons put in the same part.</summary>
    public string Speech => field ??= StatusGroups.Before(Words);

    /// <summary>What the words say of each address that they name.</summary>
    public IReadOnlyList<ToldRecipient> Told => field ??= RecipientFinder.Find(Speech);

    public bool IsEmpty => string.IsNullOrWhiteSpace(Text) && Status.Count == 0 && Feedback.Count == 0;

    /// <summary>message/delivery-status parts (RFC 3464).</summary>
    public IReadOnlyList<string> Status { get; init; } = [];

    /// <summary>message/feedback-report parts (RFC 5965).</summary>
    public IReadOnlyList<string> Feedback { get; init; } = [];

    /// <summary>It has a part that answers the wish for a receipt (RFC 8098).</summary>
    public bool IsReceipt { get; init; }

    /// <summary>The header of the mail that it is about.</summary>
    public FieldList Returned => field ??= ReturnedPart ?? FieldList.Parse(Text.Length > Words.Length ? Text[Words.Length..] : "");

    /// <summary>The same, where it came as a part of its own.</summary>
    public FieldList? ReturnedPart { get; init; }

    /// <summary>The addresses that the mail which it is about was for, as far as its header tells.</summary>
    public IEnumerable<string> ReturnedTo =>
        Returned.All("To").Concat(Returned.All("X-Original-To")).Concat(Returned.All("Delivered-To")).Concat(Returned.All("Envelope-To")).Concat(Returned.All("Cc"))
            .SelectMany(AddressText.FindAll);
}
