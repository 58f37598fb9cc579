namespace Relay.Delivery.Connections;

/// <summary>What came of the wish for a connection.</summary>
internal abstract record Opened
{
    private Opened()
    {
    }

    public sealed record Ready(SmtpConnection Connection) : Opened;

    /// <param name="Words">The remote's reply, or ours.</param>
    /// <param name="Status">The enhanced code where no later attempt can end differently; null where one can.</param>
    public sealed record Failed(string Words, string Rule, string? Host, string? Address, string? Status = null) : Opened
    {
        /// <summary>TLS was offered and did not come about, so that clear text is left to try.</summary>
        public bool BrokenTls { get; init; }
    }
}
