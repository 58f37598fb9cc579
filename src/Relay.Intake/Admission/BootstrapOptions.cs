namespace Relay.Intake.Admission;

/// <summary>What holds before anything was set up through the API: <c>Relay:Bootstrap</c>.</summary>
public sealed class BootstrapOptions
{
    public const string Section = "Bootstrap";

    /// <summary>A key with full access to the account <c>default</c>, which may also name another account; empty is none.</summary>
    // None: a secret must be chosen by whoever runs the relay.
    public string? AdminKey { get; set; }

    /// <summary>Whether From and MAIL FROM must name a domain that the account has verified.</summary>
    // True: who may not prove a domain may not send as it. Development turns it off for a first try.
    public bool RequireVerifiedDomains { get; set; } = true;
}
