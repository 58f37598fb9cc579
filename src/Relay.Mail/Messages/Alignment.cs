using System.Text.Json.Serialization;

namespace Relay.Mail.Messages;

/// <summary>What of a message is aligned with its author's domain: DMARC passes by either, once the receiver has checked it (RFC 9989, 4.4).</summary>
/// <param name="Dkim">The domain of our signature, its tag <c>d=</c>; null when we did not sign.</param>
/// <param name="Spf">The envelope sender's domain; null when it is not aligned, or empty, or nothing is known of an SPF record that lets us send.</param>
public sealed record Alignment(string? Dkim, string? Spf)
{
    /// <summary>We signed as a domain above the author's, which asks for its own (<c>adkim=s</c>): such a signature does not count.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsOtherSigner { get; init; }

    [JsonIgnore]
    public bool IsAligned => (Dkim is not null && !IsOtherSigner) || Spf is not null;
}
