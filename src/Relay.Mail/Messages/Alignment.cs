namespace Relay.Mail.Messages;

/// <summary>What of a message is aligned with its author's domain: DMARC passes by either, once the receiver has checked it (RFC 9989, 4.4).</summary>
/// <param name="Dkim">The domain of our signature, its tag <c>d=</c>; null when we did not sign.</param>
/// <param name="Spf">The envelope sender's domain; null when it is not aligned, or empty.</param>
public sealed record Alignment(string? Dkim, string? Spf)
{
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsAligned => Dkim is not null || Spf is not null;
}
