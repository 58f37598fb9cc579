using Relay.Smtp.Replies;

namespace Relay.Mail.Classification;

/// <summary>One rule of the file: every condition it names must hold; a condition it does not name always does.</summary>
internal sealed record ClassificationRule
{
    public required string Id { get; init; }
    public required string Section { get; init; }
    public required BounceClass Class { get; init; }
    public required string Because { get; init; }
    public required RuleExample Example { get; init; }

    /// <summary>Domains; the host may be one of them or below it.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>Reply codes; 4 and 5 stand for all of their class.</summary>
    public IReadOnlyList<int> Codes { get; init; } = [];

    public IReadOnlyList<StatusPattern> Statuses { get; init; } = [];

    public IReadOnlyList<SmtpPhase> Phases { get; init; } = [];

    /// <summary>One of these must be in the text.</summary>
    public IReadOnlyList<Phrase> Says { get; init; } = [];

    // The cheap questions first: most rules are out before their phrases are looked for.
    public bool Matches(RemoteWords words) =>
        HasPhase(words.Phase) && HasCode(words.Code) && HasStatus(words.Status) && HasHost(words.Host) && HasPhrase(words);

    private bool HasPhase(SmtpPhase phase) => Phases.Count == 0 || Phases.Contains(phase);

    private bool HasCode(int? code) => Codes.Count == 0 || (code is { } given && (Codes.Contains(given) || Codes.Contains(given / 100)));

    private bool HasStatus(EnhancedStatusCode? status)
    {
        if (Statuses.Count == 0)
        {
            return true;
        }

        if (status is { } given)
        {
            foreach (var pattern in Statuses)
            {
                if (pattern.Fits(given))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private bool HasHost(string? host)
    {
        foreach (var domain in Hosts)
        {
            if (host is not null && host.EndsWith(domain, StringComparison.OrdinalIgnoreCase) && (host.Length == domain.Length || host[^(domain.Length + 1)] == '.'))
            {
                return true;
            }
        }

        return Hosts.Count == 0;
    }

    private bool HasPhrase(RemoteWords words)
    {
        foreach (var phrase in Says)
        {
            if (phrase.IsIn(words.Plain))
            {
                return true;
            }
        }

        return Says.Count == 0;
    }
}

/// <summary>An enhanced code in which a part may be any number: <c>5.7.x</c>.</summary>
internal readonly record struct StatusPattern(int Class, int? Subject, int? Detail)
{
    public bool Fits(EnhancedStatusCode status) =>
        status.Class == Class && (Subject ?? status.Subject) == status.Subject && (Detail ?? status.Detail) == status.Detail;

    public static StatusPattern Parse(string text) => text.Split('.') is [var @class, var subject, var detail]
        ? new StatusPattern(int.Parse(@class, null), Part(subject), Part(detail))
        : throw new FormatException($"'{text}' is no enhanced code");

    private static int? Part(string text) => text == "x" ? null : int.Parse(text, null);
}

/// <summary>What may be wrong, as the head of the rules file lists it: whose fault it is, and what follows once it is permanent, and while it is not.</summary>
internal sealed record BounceClass(string Name, Fault Fault, Severity Severity, Consequence Permanent, Consequence Transient);

/// <summary>What the relay finds out by itself, without a remote's words: it goes by an id of the same kind.</summary>
internal sealed record Finding(string Id, BounceClass Class, string Because);

/// <summary>A refusal of our own writing that this rule and no other decides.</summary>
internal sealed record RuleExample(string Text, string? Host, SmtpPhase Phase);
