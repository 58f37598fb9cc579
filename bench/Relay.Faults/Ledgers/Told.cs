namespace Relay.Faults.Ledgers;

/// <summary>One event of a message as <c>GET /messages/{id}</c> shows it: one line of the event ledger.</summary>
/// <param name="Recipient">Null where it is about the whole message.</param>
internal sealed record Told(
    string Token,
    string Id,
    string? Recipient,
    string Type,
    DateTimeOffset Time,
    int? Attempt,
    string? Reply,
    bool MayHaveBeenDelivered)
{
    /// <summary>Nothing more is tried after it.</summary>
    public bool IsTerminal => Type is "delivered" or "bounced" or "expired" or "suppressed" or "cancelled";
}

/// <summary>A message as the list of an account shows it.</summary>
/// <param name="Account">Whose list it was.</param>
internal sealed record Listed(string Token, string Id, string Account);
