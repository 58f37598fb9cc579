using System.Globalization;
using Relay.Smtp.Replies;

namespace Relay.Smtp.Client;

/// <summary>What a server offered in its reply to the EHLO in force (RFC 5321, 4.1.1.1). What is not offered is not used.</summary>
public sealed record EhloCapabilities
{
    /// <summary>What remains after HELO: nothing.</summary>
    public static readonly EhloCapabilities None = new();

    public bool Pipelining { get; init; }
    public bool EightBitMime { get; init; }
    public bool SmtpUtf8 { get; init; }
    public bool Dsn { get; init; }
    public bool StartTls { get; init; }
    public bool Chunking { get; init; }

    /// <summary>Every reply carries an enhanced code, so that it tells what it speaks of (RFC 2034).</summary>
    public bool EnhancedStatusCodes { get; init; }

    /// <summary>REQUIRETLS (RFC 8689): it hands on only under TLS to hosts that prove their names.</summary>
    public bool RequireTls { get; init; }

    public bool AuthPlain { get; init; }
    public bool AuthLogin { get; init; }

    /// <summary>SIZE is offered, so it may be declared (RFC 1870).</summary>
    public bool Size { get; init; }

    /// <summary>The most octets it takes; null when it names no fixed limit.</summary>
    public long? MaxSize { get; init; }

    /// <summary>The most recipients of a transaction (RFC 9422); null when it names no limit.</summary>
    public int? MaxRecipients { get; init; }

    /// <summary>The most transactions of a connection (RFC 9422); null when it names no limit.</summary>
    public int? MaxMessages { get; init; }

    public static EhloCapabilities Parse(SmtpReply reply)
    {
        var offered = None;

        // The first line is the server's name and greeting.
        foreach (var line in reply.Lines.Skip(1))
        {
            offered = offered.With(line);
        }

        return offered;
    }

    private EhloCapabilities With(string line)
    {
        // AUTH=LOGIN is how servers of the last century wrote it, and some still do beside the right form.
        var words = line.Split([' ', '='], StringSplitOptions.RemoveEmptyEntries);
        return (words.Length == 0 ? "" : words[0].ToUpperInvariant()) switch
        {
            "PIPELINING" => this with { Pipelining = true },
            "8BITMIME" => this with { EightBitMime = true },
            "SMTPUTF8" => this with { SmtpUtf8 = true },
            "DSN" => this with { Dsn = true },
            "STARTTLS" => this with { StartTls = true },
            "REQUIRETLS" => this with { RequireTls = true },
            "CHUNKING" => this with { Chunking = true },
            "ENHANCEDSTATUSCODES" => this with { EnhancedStatusCodes = true },
            "SIZE" => this with { Size = true, MaxSize = LimitIn(words) },
            "AUTH" => this with
            {
                AuthPlain = AuthPlain || words.Contains("PLAIN", StringComparer.OrdinalIgnoreCase),
                AuthLogin = AuthLogin || words.Contains("LOGIN", StringComparer.OrdinalIgnoreCase),
            },
            "LIMITS" => this with { MaxRecipients = Limit(words, "RCPTMAX"), MaxMessages = Limit(words, "MAILMAX") },
            _ => this,
        };
    }

    // SIZE alone and SIZE 0 both say: no fixed limit (RFC 1870, 4).
    private static long? LimitIn(string[] words) =>
        words.Length > 1 && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 0 ? limit : null;

    private static int? Limit(string[] words, string name)
    {
        var at = Array.FindIndex(words, w => w.Equals(name, StringComparison.OrdinalIgnoreCase));
        return at >= 0 && at + 1 < words.Length
            && int.TryParse(words[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 0 ? limit : null;
    }
}
