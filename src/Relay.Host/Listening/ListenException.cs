namespace Relay.Host.Listening;

/// <summary>A door cannot be opened; the message names the port and the setting.</summary>
internal sealed class ListenException(string message) : Exception(message);
