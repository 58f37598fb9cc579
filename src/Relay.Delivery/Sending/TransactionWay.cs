namespace Relay.Delivery.Sending;

/// <summary>How far ahead of the replies a transaction goes.</summary>
internal enum TransactionWay
{
    /// <summary>One command, one reply.</summary>
    StepByStep,

    /// <summary>The commands of an envelope in one flight.</summary>
    Ahead,

    /// <summary>The same, and the content by BDAT where it fits one chunk.</summary>
    ByChunk,
}
