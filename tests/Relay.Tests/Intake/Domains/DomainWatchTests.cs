using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Signing;
using Relay.TestKit.InMemory;
using Relay.Tests.Intake.Admission;
using Relay.Tests.Redis;

namespace Relay.Tests.Intake.Domains;

public sealed class DomainWatchTests : IDisposable
{
    private const string Mail = "From: Shop <orders@shop.test>\r\nSubject: Hi\r\n\r\nhello\r\n";

    private readonly GateUnderTest _gate = new();
    private readonly InMemoryDomainRecords _records = new();
    private readonly DomainOptions _options = new();
    private readonly RecordList _list;
    private readonly DomainWatch _watch;

    public DomainWatchTests()
    {
        _list = new RecordList(RelayHosts.Of("mx.relay.test"), _options);
        var verification = new DomainVerification(
            _gate.Accounts, new DomainExaminer(_records, _list, _gate.Time), _list, _gate.Part<SendingDomains>(), _gate.Seal, Options.Create(_options), _gate.Time, NullLogger<DomainVerification>.Instance);
        _watch = new DomainWatch(_gate.Accounts, verification, Options.Create(_options), _gate.Time, NullLogger<DomainWatch>.Instance);
    }

    [Fact]
    public async Task A_new_domain_is_verified_without_anybody_asking()
    {
        await AddAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);
        Assert.Equal(SendingDomainStatus.Pending, (await FoundAsync()).Status);

        await PublishAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);

        Assert.Equal(SendingDomainStatus.Verified, (await FoundAsync()).Status);
    }

    [Fact]
    public async Task A_domain_that_cannot_be_looked_at_keeps_no_other_from_it()
    {
        await AddAsync();
        await _gate.WithDomainAsync("a.breaks.test", status: SendingDomainStatus.Pending);
        await _gate.Accounts.ChangeDomainAsync(
            "shop", "a.breaks.test", domain => domain with { Keys = KeyPair.CreateBoth(domain, _gate.Seal, _gate.Time.GetUtcNow()) }, GateUnderTest.Cancellation);
        await PublishAsync();
        _records.Breaking = "breaks.test";

        await _watch.LookAsync(GateUnderTest.Cancellation);

        Assert.Equal(SendingDomainStatus.Verified, (await FoundAsync()).Status);
    }

    [Fact]
    public async Task An_account_with_silent_name_servers_has_its_share_of_a_round_and_keeps_nobody_waiting()
    {
        await _gate.Accounts.TryAddAccountAsync(new Account("a-first", "a-first", _gate.Time.GetUtcNow()), GateUnderTest.Cancellation);
        for (var n = 0; n < 50; n++)
        {
            await _gate.Accounts.TryAddDomainAsync(
                new SendingDomain($"dom_{n}", "a-first", $"d{n}.silent.test", "token", SendingDomainStatus.Pending, _gate.Time.GetUtcNow(), null), GateUnderTest.Cancellation);
        }

        _records.Silent = "silent.test";
        await AddAsync();
        await PublishAsync();

        var first = _watch.LookAsync(GateUnderTest.Cancellation);
        await Eventually.HoldsAsync(async () => (await FoundAsync()).Status == SendingDomainStatus.Verified, GateUnderTest.Cancellation);
        Assert.False(first.IsCompleted);
        var lookedAt = await EndAsync(first);
        var then = await EndAsync(_watch.LookAsync(GateUnderTest.Cancellation));

        // Two minutes at twenty seconds each, and never those again that had their turn.
        Assert.InRange(lookedAt.Count, 1, 7);
        Assert.NotEmpty(then);
        Assert.Empty(lookedAt.Intersect(then));
    }

    [Fact]
    public async Task A_verified_one_is_looked_at_daily_and_fails_when_its_key_is_gone()
    {
        await AddAsync();
        await PublishAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);
        _records.Clear();

        _gate.Time.Advance(TimeSpan.FromHours(23));
        await _watch.LookAsync(GateUnderTest.Cancellation);
        Assert.Equal(SendingDomainStatus.Verified, (await FoundAsync()).Status);

        _gate.Time.Advance(TimeSpan.FromHours(1));
        await _watch.LookAsync(GateUnderTest.Cancellation);
        var failing = await FoundAsync();
        Assert.Equal((SendingDomainStatus.Failing, _gate.Time.GetUtcNow()), (failing.Status, failing.FailingSince));

        await PublishAsync();
        _gate.Time.Advance(TimeSpan.FromHours(1));
        await _watch.LookAsync(GateUnderTest.Cancellation);
        Assert.Equal((SendingDomainStatus.Verified, null), ((await FoundAsync()).Status, (await FoundAsync()).FailingSince));
    }

    [Fact]
    public async Task A_name_server_that_is_silent_changes_nothing()
    {
        await AddAsync();
        await PublishAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);
        _records["_relay.shop.test"] = null;

        _gate.Time.Advance(TimeSpan.FromDays(2));
        await _watch.LookAsync(GateUnderTest.Cancellation);

        Assert.Equal(SendingDomainStatus.Verified, (await FoundAsync()).Status);
    }

    [Fact]
    public async Task A_domain_whose_DNS_is_dead_fails_after_a_day_stops_after_the_grace_and_comes_back_with_it()
    {
        await AddAsync();
        await PublishAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);
        foreach (var record in _list.Of(await FoundAsync()))
        {
            _records.Put(record.Name, record.Type, null);
        }

        await WatchAsync(TimeSpan.FromHours(47));
        Assert.Equal(SendingDomainStatus.Verified, (await FoundAsync()).Status);

        await WatchAsync(TimeSpan.FromHours(2));
        var failing = await FoundAsync();
        Assert.Equal((SendingDomainStatus.Failing, DomainEventType.Failing), (failing.Status, failing.Events[^1].Type));
        Assert.Contains("The DNS did not answer", failing.Events[^1].Text, StringComparison.Ordinal);
        Assert.IsType<AdmissionResult.Admitted>(await _gate.AdmitAsync(Mail));

        await WatchAsync(TimeSpan.FromDays(3));
        Assert.Equal(DomainEventType.Stopped, (await FoundAsync()).Events[^1].Type);
        Assert.Equal(RefusalReason.SenderNotVerified, (await _gate.RefusedAsync(Mail)).Reason);

        await PublishAsync();
        await WatchAsync(TimeSpan.FromHours(1));
        var back = await FoundAsync();
        Assert.Equal((SendingDomainStatus.Verified, null, null), (back.Status, back.FailingSince, back.SilentSince));
        Assert.IsType<AdmissionResult.Admitted>(await _gate.AdmitAsync(Mail));
    }

    [Fact]
    public async Task A_resolver_of_ours_that_is_dead_counts_against_no_domain_however_long()
    {
        await AddAsync();
        await PublishAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);
        _records.IsAway = true;

        await WatchAsync(TimeSpan.FromDays(7));

        var domain = await FoundAsync();
        Assert.Equal((SendingDomainStatus.Verified, null), (domain.Status, domain.SilentSince));
        Assert.IsType<AdmissionResult.Admitted>(await _gate.AdmitAsync(Mail));
    }

    [Fact]
    public async Task A_silence_counts_only_as_long_as_we_could_hear_it()
    {
        await AddAsync();
        await PublishAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);
        foreach (var record in _list.Of(await FoundAsync()))
        {
            _records.Put(record.Name, record.Type, null);
        }

        await WatchAsync(TimeSpan.FromHours(25));
        _records.IsAway = true;
        await WatchAsync(TimeSpan.FromHours(30));
        _records.IsAway = false;
        await WatchAsync(TimeSpan.FromHours(23));
        Assert.Equal(SendingDomainStatus.Verified, (await FoundAsync()).Status);

        await WatchAsync(TimeSpan.FromHours(2));
        Assert.Equal(SendingDomainStatus.Failing, (await FoundAsync()).Status);
    }

    [Fact]
    public async Task Keys_that_come_of_age_get_successors_once()
    {
        _options.RotateAfter = TimeSpan.FromDays(180);
        await AddAsync();
        await PublishAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);
        var first = (await FoundAsync()).SigningKeys();

        _gate.Time.Advance(TimeSpan.FromDays(181));
        await _watch.LookAsync(GateUnderTest.Cancellation);
        await _watch.LookAsync(GateUnderTest.Cancellation);

        var domain = await FoundAsync();
        Assert.Equal(4, domain.Keys.Count);
        Assert.Equal(first.Select(key => key.Selector), domain.SigningKeys().Select(key => key.Selector));
    }

    [Fact]
    public async Task A_second_key_that_is_published_no_more_does_not_make_new_ones_without_end()
    {
        _options.RotateAfter = TimeSpan.FromDays(180);
        await AddAsync();
        await PublishAsync();
        await _watch.LookAsync(GateUnderTest.Cancellation);
        for (var look = 0; look < 3; look++)
        {
            _gate.Time.Advance(TimeSpan.FromDays(look == 0 ? 181 : 1));
            await _watch.LookAsync(GateUnderTest.Cancellation);

            // The one that is required goes into the DNS; nobody bothers about the other.
            var young = (await FoundAsync()).Keys.Last(key => key.Algorithm == DkimAlgorithm.Rsa).Selector;
            var record = _list.Of(await FoundAsync()).Single(record => record.Name.StartsWith(young, StringComparison.Ordinal));
            _records.Put(record.Name, record.Type, record.Value);
            _gate.Time.Advance(TimeSpan.FromHours(2));
            await _watch.LookAsync(GateUnderTest.Cancellation);
        }

        Assert.Equal(2, (await FoundAsync()).Events.Count(happened => happened.Type is DomainEventType.Rotated or DomainEventType.Verified));
        Assert.Single((await FoundAsync()).Events, happened => happened.Type == DomainEventType.Rotated);
    }

    public void Dispose() => _gate.Dispose();

    // Lets the time pass that a round takes, and tells whose name servers were silent.
    private async Task<HashSet<string>> EndAsync(Task round)
    {
        await Eventually.HoldsAsync(
            () =>
            {
                _gate.Time.Advance(round.IsCompleted ? TimeSpan.Zero : TimeSpan.FromSeconds(5));
                return round.IsCompleted;
            },
            GateUnderTest.Cancellation);
        await round;
        var silent = _records.Unanswered.Where(name => name.StartsWith("_relay.", StringComparison.Ordinal)).ToHashSet();
        _records.Unanswered.Clear();
        return silent;
    }

    private async Task AddAsync()
    {
        await _gate.Accounts.TryAddAccountAsync(new Account("shop", "shop", _gate.Time.GetUtcNow()), GateUnderTest.Cancellation);
        await _gate.WithDomainAsync(status: SendingDomainStatus.Pending);
        await _gate.Accounts.ChangeDomainAsync(
            "shop", "shop.test", domain => domain with { Keys = KeyPair.CreateBoth(domain, _gate.Seal, _gate.Time.GetUtcNow()) }, GateUnderTest.Cancellation);
    }

    // A look an hour, as the clock goes.
    private async Task WatchAsync(TimeSpan span)
    {
        for (var hour = TimeSpan.Zero; hour < span; hour += TimeSpan.FromHours(1))
        {
            _gate.Time.Advance(TimeSpan.FromHours(1));
            await _watch.LookAsync(GateUnderTest.Cancellation);
        }
    }

    private async Task PublishAsync()
    {
        foreach (var record in _list.Of(await FoundAsync()))
        {
            _records.Put(record.Name, record.Type, record.Value);
        }
    }

    private async Task<SendingDomain> FoundAsync() => (await _gate.Accounts.FindDomainAsync("shop", "shop.test", GateUnderTest.Cancellation))!;
}
