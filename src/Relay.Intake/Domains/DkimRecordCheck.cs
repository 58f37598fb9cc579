using Relay.Mail.Accounts;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>Whether what stands under a selector lets receivers check that key's signatures (RFC 6376, 3.6.1).</summary>
internal static class DkimRecordCheck
{
    public static Judgement Judge(DomainRecord record, IReadOnlyList<string> found, IReadOnlyList<DkimKey> keys)
    {
        if (found.Count == 0)
        {
            return Judgement.Missing($"There is no TXT record at {record.Name} yet. Publish it; a new record may take some minutes to be seen.");
        }

        if (TextRecord.NearMiss(record.Value, [.. found.Where(text => !Holds(text, record.Key!))]) is { } miss)
        {
            return Judgement.Wrong(miss);
        }

        var holding = found.Where(text => Holds(text, record.Key!)).ToList();
        if (holding.Count > 0 && found.Count > 1)
        {
            return Judgement.Wrong($"{record.Name} has {found.Count} TXT records. Receivers take any of them: leave only this one.");
        }

        return holding is [var text] ? JudgeTags(TagList.Read(text)!, record.Key!) : JudgeOther(record, found, keys);
    }

    // Spaces within p= mean nothing (RFC 6376, 3.6.1).
    private static bool Holds(string text, DkimKey key) =>
        TagList.Read(text) is { } tags && KeyIn(tags) == Convert.ToBase64String(key.PublicKey);

    private static string? KeyIn(IReadOnlyDictionary<string, string> tags) =>
        tags.TryGetValue("p", out var value) ? string.Concat(value.Where(c => !char.IsWhiteSpace(c))) : null;

    private static Judgement JudgeTags(IReadOnlyDictionary<string, string> tags, DkimKey key)
    {
        var kind = key.Algorithm == DkimAlgorithm.Rsa ? "rsa" : "ed25519";
        return !tags.GetValueOrDefault("k", "rsa").Equals(kind, StringComparison.OrdinalIgnoreCase)
                ? Judgement.Wrong($"The key is there, but its type is not k={kind}. Publish the value as it is shown.")
            : tags.TryGetValue("v", out var version) && version != "DKIM1" ? Judgement.Wrong("The record does not begin with v=DKIM1.")
            : tags.TryGetValue("h", out var hashes) && !hashes.Contains("sha256", StringComparison.OrdinalIgnoreCase)
                ? Judgement.Wrong("The record allows other hashes than sha256 only (h=). Leave h= out.")
            : tags.TryGetValue("t", out var flags) && flags.Split(':', StringSplitOptions.TrimEntries).Contains("y")
                ? Judgement.Good("The flag t=y tells receivers that this is a test and to ignore the signature. Leave it out.")
            : Judgement.Good();
    }

    private static Judgement JudgeOther(DomainRecord record, IReadOnlyList<string> found, IReadOnlyList<DkimKey> keys)
    {
        var other = keys.FirstOrDefault(key => key != record.Key && found.Any(text => Holds(text, key)));
        return other is not null
                ? Judgement.Wrong($"This is the wrong selector: the value belongs to {other.Selector}._domainkey. Each of the two has its own value.")
            : found.Any(text => TagList.Read(text) is { } tags && KeyIn(tags) == "")
                ? Judgement.Wrong("The record has an empty p=, which tells receivers that the key was revoked.")
            : found.Any(text => TagList.Read(text) is { } tags && KeyIn(tags) is not null)
                ? Judgement.Wrong("Another key is published under this selector. Replace the record by the value shown.")
            : Judgement.Wrong("A text stands here that is no key record. Replace it by the value shown.");
    }
}
