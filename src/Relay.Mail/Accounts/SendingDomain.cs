using System.Text.Json.Serialization;
using Relay.Mail.Signing;

namespace Relay.Mail.Accounts;

/// <summary>A domain that an account sends as, once it has proved that it may.</summary>
/// <param name="Name">Lower case, A-labels.</param>
/// <param name="OwnershipToken">What the ownership TXT record must hold.</param>
public sealed record SendingDomain(
    string Id,
    string Account,
    string Name,
    string OwnershipToken,
    SendingDomainStatus Status,
    DateTimeOffset CreatedAt,
    DateTimeOffset? CheckedAt)
{
    // Some years of an ordinary domain, some weeks of one that comes and goes.
    private const int MostEvents = 100;

    /// <summary>In the order in which they were made; a key goes only when no mail signed with it can be under way any more.</summary>
    public IReadOnlyList<DkimKey> Keys { get => field ?? []; init; }

    /// <summary>What the last look into the DNS found, record by record.</summary>
    public IReadOnlyList<RecordFinding> Findings { get => field ?? []; init; }

    /// <summary>It covers itself alone, and not what hangs below it.</summary>
    public bool IsExact { get; init; }

    /// <summary>Since when a required record is missing that was there, or too long nothing could be learned of one; null while all is well.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>Since when no look has learned anything of a required record; null once one has.</summary>
    public DateTimeOffset? SilentSince { get; init; }

    /// <summary>The last look that learned nothing of it, though other names were answered.</summary>
    public DateTimeOffset? SilentAt { get; init; }

    /// <summary>What happened to it, the oldest first; the last hundred.</summary>
    public IReadOnlyList<DomainEvent> Events { get => field ?? []; init; }

    public SendingDomain With(params IReadOnlyList<DomainEvent> happened) => this with { Events = [.. Events.Concat(happened).TakeLast(MostEvents)] };

    /// <summary>
    /// The name below it that bounces come back to: where the last look found that it leads to us, and that SPF lets us send
    /// for it. Null otherwise, since an address there would lose either bounces or mail.
    /// </summary>
    public string? ReturnPath()
    {
        var name = VerifiedName(RecordFinding.ReturnPath);
        return name is not null && name == VerifiedName(RecordFinding.ReturnPathSpf) ? name : null;
    }

    /// <summary>
    /// The newest key of each algorithm among those that were seen in the DNS. As long as none was, the newest that there
    /// are: such mail only leaves where nobody asks for verified domains, and else ends in the inbox of a test key.
    /// </summary>
    public IReadOnlyList<DkimKey> SigningKeys() => Choose(Keys.Where(key => key.RetiredAt is null), DateTimeOffset.MaxValue);

    /// <summary>
    /// Those that signed at that time, as long as they are kept: what is signed anew for an older message has the same octets each
    /// time. Those of now where none of them may sign any more.
    /// </summary>
    public IReadOnlyList<DkimKey> SigningKeys(DateTimeOffset at) =>
        Choose(Keys.Where(key => key.CreatedAt <= at && !(key.RetiredAt <= at) && !key.IsRevoked), at) is { Count: > 0 } then ? then : SigningKeys();

    private static IReadOnlyList<DkimKey> Choose(IEnumerable<DkimKey> live, DateTimeOffset at)
    {
        var all = live.ToList();
        var seen = all.Where(key => key.SeenAt <= at).ToList();
        return [.. (seen.Count > 0 ? seen : all).GroupBy(key => key.Algorithm).OrderBy(same => same.Key).Select(same => same.Last())];
    }

    private string? VerifiedName(string purpose) =>
        Findings.FirstOrDefault(finding => finding.Purpose == purpose && finding.State == RecordState.Verified)?.Name;
}

public enum SendingDomainStatus
{
    Pending,
    Verified,

    /// <summary>It was verified, and a required record is gone or its DNS is dead. It may be sent as for a grace time, then no more.</summary>
    Failing,
}

/// <summary>A DKIM key pair of a domain.</summary>
public sealed record DkimKey
{
    public required string Selector { get; init; }
    public required DkimAlgorithm Algorithm { get; init; }

    /// <summary>As <see cref="KeySeal"/> sealed it; empty once the key was revoked.</summary>
    public required byte[] PrivateKey { get; init; }

    public required byte[] PublicKey { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its record was first seen in the DNS; from then on it signs.</summary>
    public DateTimeOffset? SeenAt { get; init; }

    /// <summary>Since when it signs nothing any more; its record must stay for mail that is under way.</summary>
    public DateTimeOffset? RetiredAt { get; init; }

    /// <summary>Its private half may be known to others: nobody shall trust it any more, so its record must go at once.</summary>
    public bool IsRevoked => PrivateKey.Length == 0;
}

/// <summary>How one record of a domain stood at the last look.</summary>
/// <param name="Purpose">As the API names it.</param>
/// <param name="Advice">What is wrong and what to do about it, for people; empty when nothing is.</param>
public sealed record RecordFinding(string Purpose, string Name, RecordState State, string Advice)
{
    public const string ReturnPath = "return-path";
    public const string ReturnPathSpf = "return-path-spf";
    public const string Spf = "spf";
    public const string Dmarc = "dmarc";

    /// <summary>Of a DMARC policy: only a signature of the author's very domain counts (<c>adkim=s</c>).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool StrictDkim { get; init; }

    /// <summary>Of a DMARC policy: only an envelope sender of the author's very domain counts (<c>aspf=s</c>).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool StrictSpf { get; init; }
}

/// <summary>Something that happened to a sending domain.</summary>
/// <param name="Text">For people: what was missing, which key.</param>
public sealed record DomainEvent(DateTimeOffset Time, DomainEventType Type, string Text);

public enum DomainEventType
{
    /// <summary>All required records were seen, for the first time or again.</summary>
    Verified,

    /// <summary>A required record was there and is gone, or cannot be asked for any more: a warning, since the domain may be sent as for a grace time only.</summary>
    Failing,

    /// <summary>The grace time is over: nothing is sent as it any more.</summary>
    Stopped,

    /// <summary>New keys were made and wait for their records.</summary>
    Rotated,

    /// <summary>A key's record was seen: it signs from now on.</summary>
    Signing,

    /// <summary>Keys sign nothing any more, since others may know them.</summary>
    Revoked,
}

public enum RecordState
{
    /// <summary>Nobody has looked yet.</summary>
    Pending,
    Verified,
    Missing,

    /// <summary>Something is there, but not what it should be.</summary>
    Wrong,

    /// <summary>No name server answered, which says nothing about the record.</summary>
    Unknown,
}
