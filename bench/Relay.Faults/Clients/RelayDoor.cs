namespace Relay.Faults.Clients;

/// <summary>Where a relay takes mail.</summary>
internal sealed record RelayDoor(int SmtpPort, Uri Http);

/// <summary>One of the accounts that send, so that it is seen whether one sees the other's mail.</summary>
internal sealed record Tenant(string Account, string Key);
