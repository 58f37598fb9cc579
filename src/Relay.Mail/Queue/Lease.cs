using System.Text.Json.Serialization;
using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>Our turn to try a unit. It ends with <see cref="IMailQueue.SettleAsync"/> or <see cref="IMailQueue.Release"/>, once.</summary>
public sealed record Lease
{
    public required Unit Unit { get; init; }
    public required Message Message { get; init; }

    /// <summary>What earlier attempts left; null before the first deferral.</summary>
    public UnitState? State { get; init; }

    /// <summary>
    /// An attempt that went past its final dot and of which nobody heard the end: its process was killed, or its node was
    /// replaced. The unit is not tried now but settled as uncertain. Null as a rule.
    /// </summary>
    public UnheardAttempt? Unheard { get; init; }

    /// <summary>The owner's term in which the lease was given; it is worth nothing in another one.</summary>
    public long Term { get; init; }

    public UnitId Id => Unit.Id;

    /// <summary>The recipients still open, as indexes into the envelope's recipients.</summary>
    public IReadOnlyList<int> Open => State is null ? Unit.Recipients : [.. State.Open.Select(r => r.Index)];

    /// <summary>Whether the recipient, by its index, may have the message of an attempt before this one.</summary>
    public bool MayHaveBeenDelivered(int recipient)
    {
        foreach (var open in State?.Open ?? [])
        {
            if (open.Index == recipient)
            {
                return open.MayHaveBeenDelivered;
            }
        }

        return false;
    }

    /// <summary>Attempts made before this one.</summary>
    public int Attempts => State?.Attempts ?? 0;
}

/// <summary>A unit between two attempts.</summary>
public sealed record UnitState
{
    /// <summary>Attempts made so far; at least 1.</summary>
    public required int Attempts { get; init; }

    /// <summary>The recipients that have no final outcome yet; at least one.</summary>
    public required IReadOnlyList<OpenRecipient> Open { get; init; }

    /// <summary>The host that may have taken the message in an attempt whose answer was never seen; null when there was none. It is tried first and alone.</summary>
    public string? UncertainHost { get; init; }

    /// <summary>The last attempt was counted as uncertain because its node was not heard of; it may still tell how it ended.</summary>
    public bool IsUnheard { get; init; }
}

/// <param name="Index">Into the envelope's recipients.</param>
/// <param name="Reply">The remote's last words, or ours where no remote was reached.</param>
public sealed record OpenRecipient(int Index, string Reply)
{
    /// <summary>An attempt for this recipient, the last or an earlier one, went past its final dot and its answer was never seen.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool MayHaveBeenDelivered { get; init; }
}

/// <param name="Host">The remote that may have the message.</param>
/// <param name="Time">When the last flight was about to leave.</param>
public sealed record UnheardAttempt(string Host, DateTimeOffset Time);
