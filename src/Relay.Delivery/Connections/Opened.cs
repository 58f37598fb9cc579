using System.Net;
using Relay.Delivery.Sending;
using Relay.Delivery.TlsPolicies;
using Relay.Mail.Classification;
using Relay.Mail.Events;

namespace Relay.Delivery.Connections;

/// <summary>What came of the wish for a connection.</summary>
internal abstract record Opened
{
    private Opened()
    {
    }

    public sealed record Ready(SmtpConnection Connection) : Opened;

    /// <summary>Given up, as another address of the host was quicker.</summary>
    public sealed record Beaten : Opened
    {
        public static readonly Beaten Instance = new();
    }

    /// <param name="Words">The remote's reply, or ours.</param>
    /// <param name="Status">The enhanced code where no later attempt can end differently; null where one can.</param>
    public sealed record Failed(string Words, string Rule, string? Host, string? Address, string? Status = null) : Opened
    {
        /// <summary>TLS was offered and did not come about, so that clear text is left to try.</summary>
        public bool BrokenTls { get; init; }

        /// <summary>What was wrong with TLS, for reports; null where that was not the reason.</summary>
        public TlsTrouble? Trouble { get; init; }

        /// <summary>What was said before it failed; null where nothing was.</summary>
        public IReadOnlyList<TranscriptLine>? Dialogue { get; init; }

        /// <summary>Our own address, for reports; null where it never came to a connection.</summary>
        public IPAddress? From { get; init; }

        /// <summary>Whose word it failed by.</summary>
        public TlsSource Source { get; init; }

        /// <summary>Only this message demands so much: it says nothing about the host or the site.</summary>
        public bool IsForMessage { get; init; }

        /// <summary>
        /// Only what this site has of its own fails: the address that its mail leaves from, its login, its policy. It says nothing
        /// about the host, which others reach in other ways.
        /// </summary>
        public bool IsForSite { get; init; }

        /// <summary>What this machine lacks, so that it is no attempt at all; null where it failed for another reason.</summary>
        public OwnLack? Lack { get; init; }

        /// <summary>What a remote's refusal comes to; null where none was heard.</summary>
        public Outcome.Deferred? Refusal { get; init; }

        /// <summary>The remote has enough from us for now.</summary>
        public bool IsTooMuch => Refusal?.Follows.HasFlag(Consequence.SlowSite) ?? false;

        /// <summary>What it is for a message that wanted the connection.</summary>
        public Outcome ToOutcome() =>
            Status is { } status ? new Outcome.Bounced(Words, status, Rule) : Refusal ?? new Outcome.Deferred(Words, Rule);
    }
}
