namespace Relay.Mail.Queue;

/// <summary>
/// What lanes wait behind while there is no room for them: a destination that has enough in hand, an account at its share.
/// Whoever leases names it when it is asked about a lane, and opens it with <see cref="IMailQueue.Open"/> when there may be
/// room again; until then the lanes behind it cost nothing, however many they are.
/// </summary>
/// <remarks>
/// A refusal holds for all lanes of the account that wait behind the same gate: when it opens they are asked one after the
/// other, until one is refused again.
/// </remarks>
public sealed class Gate;
