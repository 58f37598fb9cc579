using Relay.Mail.Messages;

namespace Relay.Delivery.Connections;

/// <summary>For whom a connection is wanted.</summary>
/// <param name="Domain">Of the recipients.</param>
/// <param name="Demand">What the message demands of it.</param>
/// <param name="First">The host to try before all others; null for none.</param>
internal readonly record struct ConnectionWish(string Domain, TlsDemand Demand, string? First);
