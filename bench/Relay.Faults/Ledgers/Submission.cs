namespace Relay.Faults.Ledgers;

/// <summary>What a client offered, and what it was told: one line of the client ledger.</summary>
/// <param name="Token">Stands in Message-ID, header, subject and body.</param>
/// <param name="Account">Whose key it was sent with.</param>
/// <param name="Recipients">Those that the door took.</param>
/// <param name="BodyHash">SHA-256 of the octets behind the header.</param>
/// <param name="HasKey">It carries an Idempotency-Key and was repeated until it had an answer.</param>
/// <param name="Id">The relay's own id, from a 250 or 202.</param>
internal sealed record Submission(
    string Token,
    string Account,
    Door Door,
    IReadOnlyList<string> Recipients,
    string BodyHash,
    bool HasKey,
    int Tries,
    DateTimeOffset Began,
    DateTimeOffset Ended,
    SubmissionOutcome Outcome,
    string? Id,
    string Reply);

internal enum Door
{
    Smtp,
    Http,
}

internal enum SubmissionOutcome
{
    /// <summary>250 or 202: the relay answers for it.</summary>
    Ok,

    /// <summary>Refused for certain: 5yz, 452, a 4yz before the end of data, a link lost before the dot.</summary>
    Fail,

    /// <summary>Nobody can know: link lost after the dot, no answer in time, 451 or 503 after the body.</summary>
    Info,
}
