using Relay.Mail.Accounts;

namespace Relay.Intake.Domains;

/// <summary>What was made of the values that were found for one record.</summary>
/// <param name="Advice">For people; empty when there is nothing to say.</param>
internal readonly record struct Judgement(RecordState State, string Advice)
{
    /// <summary>As in <see cref="RecordFinding"/>.</summary>
    public bool StrictDkim { get; init; }

    /// <summary>As in <see cref="RecordFinding"/>.</summary>
    public bool StrictSpf { get; init; }

    public static Judgement Good(string advice = "") => new(RecordState.Verified, advice);

    public static Judgement Missing(string advice) => new(RecordState.Missing, advice);

    public static Judgement Wrong(string advice) => new(RecordState.Wrong, advice);
}
