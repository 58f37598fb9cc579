namespace Relay.Redis;

/// <summary>The relay will not run on this store; the message says why and what to do, for the operator.</summary>
public sealed class StoreRefusedException(string message, Exception? inner = null) : Exception(message, inner);
