using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Smtp;

/// <summary>
/// The door for what the world answers: bounces, complaints, wishes to be taken off. <c>Relay:Inbound</c>, alike on every
/// node: those that take mail in must know that bounces are, before they have them come here.
/// </summary>
public sealed class InboundOptions : DoorOptions
{
    public const string Section = "Inbound";

    public InboundOptions()
    {
        // The largest mail that we send, given back whole, and what is said about it. Little of it is kept.
        MaxMessageBytes = 50_331_648;
        // A report has one recipient; RFC 5321, 4.5.3.1.8 asks for 100.
        MaxRecipients = 100;
        // A host that sends us thousands of bounces at once can take turns.
        MaxConnections = 200;
        MaxConnectionsPerAddress = 20;
        // Who is connected for so long has no report to bring.
        SessionTimeout = TimeSpan.FromMinutes(30);
    }

    // Off: a machine that only sends needs no open port 25.
    public bool Enabled { get; set; }

    // Where the world delivers mail.
    [Range(0, 65_535)]
    public int Port { get; set; } = 25;

    /// <summary>Octets of mail for an account's routes that a process puts into the store in a minute, counted as they arrive. One mail is always taken.</summary>
    // Ten of the largest that a webhook takes. Whoever writes is a stranger, and the store is everybody's: at this rate it takes
    // hours to fill a disk, in which somebody looks.
    [Range(65_536, 1_099_511_627_776)]
    public long MaxRoutedBytesPerMinute { get; set; } = 104_857_600;
}

[OptionsValidator]
internal sealed partial class InboundOptionsValidator : IValidateOptions<InboundOptions>;
