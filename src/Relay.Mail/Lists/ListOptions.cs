using System.ComponentModel.DataAnnotations;

namespace Relay.Mail.Lists;

/// <summary>What is put into the header of mail for receivers that watch over lists: <c>Relay:Lists</c>.</summary>
public sealed class ListOptions
{
    public const string Section = "Lists";

    /// <summary>Who we are in the field Feedback-ID, by which Gmail's Postmaster Tools tell streams apart; null leaves the field out.</summary>
    // None: only whoever reads the reports knows a name that is theirs alone.
    [RegularExpression("[A-Za-z0-9]{5,15}")]
    public string? FeedbackId { get; set; }

    /// <summary>Whether mail names an address of ours for complaints (CFBL-Address, RFC 9477); only where mail comes in to us.</summary>
    // Off: few receivers use it yet, and whoever turns it on will look at what comes.
    public bool ComplaintAddress { get; set; }
}
