namespace Relay.Mail.Messages;

/// <summary>Mail to receivers who are played: it never leaves the machine, so whoever may only try things out may see what becomes of it.</summary>
public static class SimulatedMail
{
    /// <summary>No name of the world's (RFC 6761, 6.2).</summary>
    public const string Domain = "simulator.test";
}
