using Microsoft.Extensions.Time.Testing;
using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Mail.Signing;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Intake.Domains;

/// <summary>A domain, what it publishes, and the eye that looks at it.</summary>
internal sealed class ExaminedDomain
{
    public const string Name = "shop.test";
    public const string Host = "mx.relay.test";

    private readonly RecordList _list;

    public ExaminedDomain(RelayHosts? hosts = null)
    {
        _list = new RecordList(hosts ?? RelayHosts.Of(Host), new DomainOptions());
        var domain = new SendingDomain("dom", "shop", Name, "token", SendingDomainStatus.Pending, DateTimeOffset.UnixEpoch, null);
        Domain = domain with { Keys = KeyPair.CreateBoth(domain, new KeySeal([]), DateTimeOffset.UnixEpoch) };
        Records.Put(Host, RecordType.Address, "192.0.2.1", "2001:db8::1");
    }

    public SendingDomain Domain { get; }
    public InMemoryDomainRecords Records { get; } = new();
    public FakeTimeProvider Time { get; } = new();

    public DomainRecord Record(RecordPurpose purpose) => _list.Of(Domain).First(record => record.Purpose == purpose);

    /// <summary>Publishes these texts where the record should stand.</summary>
    public ExaminedDomain With(RecordPurpose purpose, params string[] texts)
    {
        Records[Record(purpose).Name] = texts;
        return this;
    }

    /// <summary>What is found of one record.</summary>
    public async Task<RecordFinding> FindAsync(RecordPurpose purpose)
    {
        var findings = await new DomainExaminer(Records, _list, Time).ExamineAsync(Domain, TestContext.Current.CancellationToken);
        return findings.First(finding => finding.Purpose == Record(purpose).Word);
    }

    public async Task IsGoodAsync(RecordPurpose purpose, string advice = "")
    {
        var found = await FindAsync(purpose);
        Assert.True(found.State == RecordState.Verified, $"{found.State}: {found.Advice}");
        Assert.Contains(advice, found.Advice, StringComparison.Ordinal);
    }

    public async Task IsWrongAsync(RecordPurpose purpose, string advice)
    {
        var found = await FindAsync(purpose);
        Assert.Equal(RecordState.Wrong, found.State);
        Assert.Contains(advice, found.Advice, StringComparison.Ordinal);
    }
}
