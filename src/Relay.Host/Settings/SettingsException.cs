namespace Relay.Host.Settings;

/// <summary>The configuration cannot be used. The message is for the operator and stands alone on stderr; no secret is in it.</summary>
internal sealed class SettingsException(string message) : Exception(message);
