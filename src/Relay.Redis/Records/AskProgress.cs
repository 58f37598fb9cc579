namespace Relay.Redis.Records;

/// <summary>How far one partition is with something asked.</summary>
/// <param name="InProgress">Units that were left alone since they are past their final dot.</param>
internal sealed record AskProgress(bool IsDone, long Units, IReadOnlyList<string>? InProgress = null);
