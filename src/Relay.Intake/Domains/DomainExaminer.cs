using Relay.Mail.Accounts;
using Relay.Mail.Domains;

namespace Relay.Intake.Domains;

/// <summary>Looks at every record of a domain as the world sees it now, and says what is wrong in words that help.</summary>
internal sealed class DomainExaminer(IDomainRecords records, RecordList list, TimeProvider time)
{
    // Whoever writes a zone can make an SPF record ask for hundreds of slow names; nobody waits for that.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // A few sentences; what a zone says is quoted in them.
    private const int LongestAdvice = 1_000;

    private readonly SpfCheck _spf = new(records, list.Hosts);
    private readonly DmarcCheck _dmarc = new(records);

    /// <summary>One finding a record, in the order of the records.</summary>
    public async Task<IReadOnlyList<RecordFinding>> ExamineAsync(SendingDomain domain, CancellationToken cancellation) =>
        await Task.WhenAll(list.Of(domain).Select(record => ExamineAsync(domain, record, cancellation)));

    /// <summary>
    /// Whether any other name is answered now, so that a silence is the domain's own: one below the same top, which nobody has and so no
    /// cache knows.
    /// </summary>
    public async Task<bool> CanAskAsync(SendingDomain domain, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        var top = domain.Name[(domain.Name.LastIndexOf('.') + 1)..];
        try
        {
            await records.FindAsync($"{Guid.NewGuid():n}.{top}", RecordType.Txt, either.Token);
            return true;
        }
        catch (DomainRecordsUnavailableException)
        {
            return false;
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task<RecordFinding> ExamineAsync(SendingDomain domain, DomainRecord record, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        Judgement judgement;
        try
        {
            var published = await records.CompareAsync(record.Name, record.Type, either.Token);
            judgement = await JudgeAsync(domain, record, published, either.Token);
            if (judgement.State == RecordState.Missing)
            {
                judgement = await ExplainMissingAsync(domain, record, published, judgement, either.Token);
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            judgement = new Judgement(RecordState.Unknown, $"The DNS did not answer all that this record asks for within {Patience.TotalSeconds:0} seconds.");
        }
        catch (DomainRecordsUnavailableException exception)
        {
            judgement = new Judgement(RecordState.Unknown, $"The DNS did not answer, which says nothing about the record: {exception.Message}.");
        }

        return new RecordFinding(record.Word, record.Name, judgement.State, OneLine(judgement.Advice))
        {
            StrictDkim = judgement.StrictDkim,
            StrictSpf = judgement.StrictSpf,
        };
    }

    // It goes into logs and onto terminals, and a part of it may be a stranger's.
    private static string OneLine(string advice) => string.Create(Math.Min(advice.Length, LongestAdvice), advice, static (line, advice) =>
    {
        for (var i = 0; i < line.Length; i++)
        {
            line[i] = char.IsControl(advice[i]) ? '?' : advice[i];
        }
    });

    // Servers of one zone may differ for hours: a receiver asks any of them, so all must be right.
    private async ValueTask<Judgement> JudgeAsync(SendingDomain domain, DomainRecord record, PublishedAnswers published, CancellationToken cancellation)
    {
        var judgements = new List<(string Server, Judgement Judgement)>();
        foreach (var answer in published.Answers)
        {
            judgements.Add((answer.Server, await JudgeAsync(domain, record, answer.Values, cancellation)));
        }

        var bad = judgements.Where(j => j.Judgement.State != RecordState.Verified).ToList();
        return bad.Count == 0 ? judgements[0].Judgement
            : bad.Count == judgements.Count ? bad[0].Judgement
            : bad[0].Judgement with
            {
                Advice = $"{judgements.Count - bad.Count} of the zone's {judgements.Count} name servers have the record; "
                    + $"{string.Join(", ", bad.Select(b => b.Server))} not yet. {bad[0].Judgement.Advice}",
            };
    }

    private ValueTask<Judgement> JudgeAsync(SendingDomain domain, DomainRecord record, IReadOnlyList<string> found, CancellationToken cancellation) =>
        record.Purpose switch
        {
            RecordPurpose.Ownership => new(JudgeText(record, found)),
            RecordPurpose.Dkim => new(DkimRecordCheck.Judge(record, found, domain.Keys)),
            RecordPurpose.Spf or RecordPurpose.ReturnPathSpf => _spf.JudgeAsync(record, found, cancellation),
            RecordPurpose.Dmarc => _dmarc.JudgeAsync(domain.Name, found, cancellation),
            _ => new(JudgeHost(record, found)),
        };

    private static Judgement JudgeText(DomainRecord record, IReadOnlyList<string> found) =>
        found.Any(text => text.Trim() == record.Value) ? Judgement.Good()
        : found.Count == 0
            ? Judgement.Missing($"There is no TXT record at {record.Name} yet. Publish it; a new record may take some minutes to be seen.")
        : TextRecord.NearMiss(record.Value, found) is { } miss ? Judgement.Wrong(miss)
        : Judgement.Wrong($"{record.Name} has another text than the one asked for. Replace it, or add the record beside it.");

    private Judgement JudgeHost(DomainRecord record, IReadOnlyList<string> found)
    {
        var hosts = found.Select(value => value.Split(' ')[^1]).ToList();
        return hosts.Count == 0 ? Judgement.Missing($"There is no {record.Type.ToString().ToUpperInvariant()} record at {record.Name}.")
            : hosts.TrueForAll(host => list.Hosts.Exchangers.Contains(host, StringComparer.OrdinalIgnoreCase)) ? Judgement.Good()
            : Judgement.Wrong($"{record.Name} leads to {string.Join(", ", hosts)}, and should lead to {string.Join(" or ", list.Hosts.Exchangers)} alone.");
    }

    // Where a record is missing it often stands elsewhere, or something stands in its way.
    private async ValueTask<Judgement> ExplainMissingAsync(
        SendingDomain domain, DomainRecord record, PublishedAnswers published, Judgement judgement, CancellationToken cancellation)
    {
        if (published.Alias is { } alias)
        {
            return Judgement.Wrong($"A CNAME is in the way: {record.Name} is an alias of {alias}, and beside an alias no other record counts. Remove the CNAME, or publish the record at {alias}.");
        }

        if (record.Type != RecordType.Txt || record.Name == domain.Name)
        {
            return judgement;
        }

        var doubled = $"{record.Name}.{domain.Name}";
        var found = await records.FindAsync(doubled, RecordType.Txt, cancellation);
        return found.Any(text => text.Trim() == record.Value)
            ? Judgement.Wrong($"The record stands at {doubled}: your provider adds the domain itself. Enter the name without .{domain.Name}.")
            : judgement;
    }
}
