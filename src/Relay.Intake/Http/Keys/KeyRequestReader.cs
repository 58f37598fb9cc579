using Relay.Intake.Composition;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Keys;

/// <summary>Checks what a new key is to be and may do, field by field.</summary>
internal static class KeyRequestReader
{
    private const int MaxName = 100;

    // Each is compared with at every login or message; a key for more is a key for all.
    private const int MaxDomains = 100;
    private const int MaxRanges = 100;

    /// <summary>All of it but the key itself, its id and its account.</summary>
    /// <exception cref="ProblemException">A field is wrong; all that are, are named.</exception>
    public static Credential Read(KeyRequest request, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        if (request.Name is null or { Length: 0 or > MaxName } || !PlainText.IsOneLine(request.Name))
        {
            errors.Add("name", $"must be 1 to {MaxName} characters on one line");
        }

        var mode = MessageMode.Live;
        if (request.Mode is not null && !Word.TryParse(request.Mode, out mode))
        {
            errors.Add("mode", "must be live or test");
        }

        if (request.ExpiresAt <= now)
        {
            errors.Add("expiresAt", "must be a time to come");
        }

        var credential = new Credential
        {
            Id = "",
            Account = "",
            KeyHash = [],
            Name = request.Name ?? "",
            Mode = mode,
            Scopes = ReadScopes(request.Scopes ?? ["send", "read", "manage"], errors),
            Domains = ReadDomains(request.Domains ?? [], errors),
            AddressRanges = ReadRanges(request.AddressRanges ?? [], errors),
            ExpiresAt = request.ExpiresAt?.ToUniversalTime(),
            Limits = request.Limits?.Read("limits.", errors),
            CreatedAt = now,
            BounceMail = request.BounceMail ?? true,
        };
        errors.ThrowIfAny();
        return credential;
    }

    private static List<CredentialScope> ReadScopes(IReadOnlyList<string> words, FieldErrors errors)
    {
        if (words.Count == 0)
        {
            errors.Add("scopes", "must be some of send, read, manage; leave it out for all of them");
        }

        var scopes = new List<CredentialScope>();
        foreach (var word in words)
        {
            if (Word.TryParse(word, out CredentialScope scope))
            {
                scopes.Add(scope);
            }
            else
            {
                errors.Add("scopes", "must be some of send, read, manage");
            }
        }

        return [.. scopes.Distinct()];
    }

    private static List<string> ReadDomains(IReadOnlyList<string> names, FieldErrors errors)
    {
        var domains = new List<string>();
        foreach (var name in names)
        {
            var isBelow = name.StartsWith("*.", StringComparison.Ordinal);
            if (EnvelopeAddress.TryNormaliseDomain(isBelow ? name[2..] : name, out var domain) && domain[0] != '[')
            {
                domains.Add(isBelow ? $"*.{domain}" : domain);
            }
            else
            {
                errors.Add("domains", $"'{name}' is neither a domain like shop.example, nor *.shop.example for all below it");
            }
        }

        if (domains.Count > MaxDomains)
        {
            errors.Add("domains", $"must be at most {MaxDomains}");
        }

        return [.. domains.Distinct(StringComparer.Ordinal)];
    }

    private static List<string> ReadRanges(IReadOnlyList<string> texts, FieldErrors errors)
    {
        var ranges = new List<string>();
        foreach (var text in texts)
        {
            if (AddressRange.TryParse(text, out var range))
            {
                ranges.Add(range.ToString());
            }
            else
            {
                errors.Add("addressRanges", $"'{text}' is neither an address nor a network like 192.0.2.0/24 or 2001:db8::/32");
            }
        }

        if (ranges.Count > MaxRanges)
        {
            errors.Add("addressRanges", $"must be at most {MaxRanges}");
        }

        return [.. ranges.Distinct(StringComparer.Ordinal)];
    }
}

internal sealed record KeyRequest
{
    public string? Name { get; init; }
    public string? Account { get; init; }

    [System.Text.Json.Serialization.JsonConverter(typeof(TextListConverter))]
    public IReadOnlyList<string>? Scopes { get; init; }

    /// <summary><c>live</c> or <c>test</c>.</summary>
    public string? Mode { get; init; }

    /// <summary>The only domains it may send as: <c>shop.example</c>, or <c>*.shop.example</c> for all below it.</summary>
    [System.Text.Json.Serialization.JsonConverter(typeof(TextListConverter))]
    public IReadOnlyList<string>? Domains { get; init; }

    /// <summary>The only networks it may be used from: <c>192.0.2.0/24</c>, <c>2001:db8::/32</c>, or single addresses.</summary>
    [System.Text.Json.Serialization.JsonConverter(typeof(TextListConverter))]
    public IReadOnlyList<string>? AddressRanges { get; init; }

    /// <summary>From then on it is worth nothing.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>What it may send of what the account may.</summary>
    public Limits.LimitsRequest? Limits { get; init; }

    /// <summary>Whether failures of its SMTP submissions go to the envelope sender.</summary>
    public bool? BounceMail { get; init; }
}
