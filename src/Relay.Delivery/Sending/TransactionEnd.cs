namespace Relay.Delivery.Sending;

/// <summary>What a transaction leaves of its connection, and whether it was one at all.</summary>
internal enum TransactionEnd
{
    /// <summary>The connection may carry another one.</summary>
    Clean,

    /// <summary>The connection is of no more use.</summary>
    Spoiled,

    /// <summary>Nothing was tried and the connection is of no more use: it was dead before we began, or out of step. Take another.</summary>
    NeverBegan,

    /// <summary>
    /// Given up before the dot, since another node may try the unit from now on. Nothing was delivered, and whoever was
    /// refused meanwhile will be refused again; the connection is of no more use.
    /// </summary>
    TurnOver,
}
