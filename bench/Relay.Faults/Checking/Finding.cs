namespace Relay.Faults.Checking;

/// <summary>Something that must not be.</summary>
/// <param name="Invariant">I1 to I9.</param>
/// <param name="About">Token, with the recipient where it concerns one.</param>
internal sealed record Finding(string Invariant, string About, string Words)
{
    public override string ToString() => $"{Invariant} {About}: {Words}";
}
