using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Relay.Mail;

namespace Relay.Host.Settings;

/// <summary>What this process does, and how it ends: names in the <c>Relay</c> section itself.</summary>
public sealed class ProcessOptions
{
    /// <summary>The parts of the relay that run in this process; none named is all.</summary>
    // All: one process is a whole relay unless someone splits it.
    public List<RelayRole> Roles { get; set; } = [];

    /// <summary>How long a stop waits for what is in flight: sessions in a body, transactions past their final dot.</summary>
    // Below the 30 s that Kubernetes grants before it kills; a remote rarely needs more after the dot.
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(25);

    public bool Has(RelayRole role) => Roles.Count == 0 || Roles.Contains(role);
}

public enum RelayRole
{
    /// <summary>The doors: SMTP submission and the HTTP API.</summary>
    Intake,

    /// <summary>What takes due mail from the queue and sends it.</summary>
    Delivery,

    /// <summary>The door for what comes back, where <c>Relay:Inbound</c> opens it: bounces, complaints, mail for routes.</summary>
    Feedback,

    /// <summary>The web pages.</summary>
    Dashboard,
}

[OptionsValidator]
internal sealed partial class ProcessOptionsValidator : IValidateOptions<ProcessOptions>;

[OptionsValidator]
internal sealed partial class RelayOptionsValidator : IValidateOptions<RelayOptions>;
