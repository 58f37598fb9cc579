namespace Relay.Faults.Checking;

/// <summary>One row of the table: what a run came to.</summary>
internal sealed record Verdict
{
    public required string Scenario { get; init; }
    public required string Store { get; init; }
    public required int Seed { get; init; }
    public required int Rounds { get; init; }
    public required int Accepted { get; init; }
    public required int Unanswered { get; init; }
    public required int Delivered { get; init; }
    public required int Bounced { get; init; }
    public required int Lost { get; init; }

    /// <summary>Copies too many.</summary>
    public required int Doubled { get; init; }

    /// <summary>Of these, in whose timeline an uncertain attempt stands.</summary>
    public required int Admitted { get; init; }

    public required int Unexplained { get; init; }

    /// <summary>The most mails that one kill doubled.</summary>
    public required int WorstKill { get; init; }

    public required Promise Published { get; init; }
    public required Promise Measured { get; init; }

    /// <summary>What breaks the promise that was published.</summary>
    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>What a run also saw: recovery times, memory, what a weaker class lost as it said it would.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    public TimeSpan Took { get; init; }
    public string History { get; init; } = "";

    public bool Holds => Findings.Count == 0;
}
