namespace Relay.Delivery.TlsPolicies;

/// <summary>What is known of a domain's MTA-STS policy now.</summary>
/// <param name="Policy">Null where there is none, or none could be had.</param>
/// <param name="Trouble">Why a policy that is announced could not be had, or not be renewed.</param>
internal sealed record StsFinding(StsPolicy? Policy, TlsTrouble? Trouble = null, string Words = "")
{
    public static readonly StsFinding Nothing = new((StsPolicy?)null);
}
