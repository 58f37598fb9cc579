using Relay.Intake.Admission;
using Relay.Intake.Limits;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Tests.Intake.Admission;

namespace Relay.Tests.Intake.Limits;

/// <summary>A quota refuses what is beyond it and nothing else.</summary>
public sealed class QuotaTests
{
    private const string Letter = "From: a@shop.test\r\n\r\n";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_account_without_a_quota_costs_no_look_at_what_was_used()
    {
        using var gate = await StartAsync(null);

        await gate.AdmittedAsync(Letter);

        Assert.Equal(0, gate.Queue.UsageLooks);
    }

    [Fact]
    public async Task The_last_recipient_of_a_day_is_taken_and_the_next_is_told_which_limit_and_until_when()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 3 });
        await gate.AdmittedAsync(Letter, To("a@x.test", "b@x.test"));
        await gate.AdmittedAsync(Letter, To("a@x.test"));

        var refusal = await gate.RefusedAsync(Letter, To("a@x.test"));

        Assert.Equal(RefusalReason.QuotaExceeded, refusal.Reason);
        Assert.Equal(new QuotaExceeded(LimitOwner.Account, LimitPeriod.Day, 3, 3, new DateTimeOffset(2026, 3, 2, 0, 0, 0, TimeSpan.Zero)), refusal.Quota);
        Assert.Equal("the account has sent to 3 of the 3 recipients it may a day; the next day begins at 2026-03-02 00:00 UTC", refusal.Text);
    }

    [Fact]
    public async Task Whoever_is_named_twice_counts_once()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 2 });

        await gate.AdmittedAsync(Letter, To("a@x.test", "a@x.test", "b@x.test"));
    }

    [Fact]
    public async Task A_message_that_does_not_fit_leaves_room_for_one_that_does()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 3 });
        await gate.AdmittedAsync(Letter, To("a@x.test", "b@x.test"));

        Assert.Equal(RefusalReason.QuotaExceeded, (await gate.RefusedAsync(Letter, To("a@x.test", "b@x.test"))).Reason);
        await gate.AdmittedAsync(Letter, To("a@x.test"));
    }

    [Fact]
    public async Task A_message_larger_than_the_whole_quota_is_refused_for_good()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 1 });

        var refusal = await gate.RefusedAsync(Letter, To("a@x.test", "b@x.test"));

        Assert.Equal((RefusalReason.NotAllowed, "to"), (refusal.Reason, refusal.Field));
    }

    [Fact]
    public async Task Days_and_months_begin_anew_by_UTC()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 1, PerMonth = 2 });
        await gate.AdmittedAsync(Letter);
        await gate.RefusedAsync(Letter);

        gate.Time.Advance(TimeSpan.FromHours(12));
        await gate.AdmittedAsync(Letter);
        gate.Time.Advance(TimeSpan.FromDays(1));
        var month = await gate.RefusedAsync(Letter);
        Assert.Equal((LimitPeriod.Month, new DateTimeOffset(2026, 4, 1, 0, 0, 0, TimeSpan.Zero)), (month.Quota!.Per, month.Quota.Resets));

        gate.Time.Advance(month.Quota.Resets - gate.Time.GetUtcNow());
        await gate.AdmittedAsync(Letter);
    }

    [Fact]
    public async Task A_key_has_a_quota_of_its_own_within_that_of_its_account()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 3 });
        var other = gate.Credential with { Id = "key_2", KeyHash = ApiKey.Hash("another") };
        gate.Credential = gate.Credential with { Limits = new SendingLimits { PerDay = 1 } };
        await gate.WithKeyAsync();
        await gate.AdmittedAsync(Letter);

        Assert.Equal(LimitOwner.Key, (await gate.RefusedAsync(Letter)).Quota!.Of);

        // What the key was refused was given back to the account.
        await gate.AdmittedAsync(Letter, With(other));
        await gate.AdmittedAsync(Letter, With(other));
        Assert.Equal(LimitOwner.Account, (await gate.RefusedAsync(Letter, With(other))).Quota!.Of);
    }

    [Fact]
    public async Task What_the_queue_did_not_take_is_given_back()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 1 });
        gate.Queue.Refusal = new EnqueueResult.StoreFull("full");
        await gate.RefusedAsync(Letter);
        await gate.RefusedAsync(Letter);

        gate.Queue.Refusal = null;
        await gate.AdmittedAsync(Letter);
    }

    [Fact]
    public async Task What_may_have_been_taken_counts_until_the_store_knows_better()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 1 });
        gate.Queue.Refusal = new EnqueueResult.StoreUnavailable("away");
        await gate.RefusedAsync(Letter);
        gate.Queue.Refusal = null;

        // It was not, as the next look shows.
        gate.Time.Advance(TimeSpan.FromSeconds(1));
        await gate.AdmittedAsync(Letter);
    }

    [Fact]
    public async Task The_same_message_again_does_not_count_again()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 2 });
        const string Once = "From: a@shop.test\r\nIdempotency-Key: one\r\n\r\n";
        await gate.AdmittedAsync(Once);
        for (var i = 0; i < 5; i++)
        {
            Assert.IsType<AdmissionResult.Replayed>(await gate.AdmitAsync(Once));
        }

        await gate.AdmittedAsync(Letter);
    }

    [Fact]
    public async Task What_was_accepted_is_told_again_though_nothing_is_left_by_now()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 1 });
        var first = await gate.AdmittedAsync(Once("one", "text"));

        Assert.Equal(first.Id, Assert.IsType<AdmissionResult.Replayed>(await gate.AdmitAsync(Once("one", "text"))).First);
        Assert.Equal(RefusalReason.IdempotencyMismatch, (await gate.RefusedAsync(Once("one", "another"))).Reason);
        Assert.Equal(RefusalReason.QuotaExceeded, (await gate.RefusedAsync(Once("two", "text"))).Reason);

        // Nor for one that would not fit into a whole day by now.
        await gate.Accounts.ChangeAccountAsync("shop", account => account with { Limits = new SendingLimits { PerDay = 4 } }, Cancellation);
        var many = To("a@x.test", "b@x.test", "c@x.test");
        first = await gate.AdmittedAsync(Once("many", "text"), many);
        await gate.Accounts.ChangeAccountAsync("shop", account => account with { Limits = new SendingLimits { PerDay = 1 } }, Cancellation);
        Assert.Equal(first.Id, Assert.IsType<AdmissionResult.Replayed>(await gate.AdmitAsync(Once("many", "text"), many)).First);

        static string Once(string key, string text) => $"From: a@shop.test\r\nIdempotency-Key: {key}\r\n\r\n{text}\r\n";
    }

    [Fact]
    public async Task What_was_accepted_before_is_looked_up_only_where_the_quota_would_refuse()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 2 });
        const string Once = "From: a@shop.test\r\nIdempotency-Key: one\r\n\r\n";
        await gate.AdmittedAsync(Once);
        await gate.AdmitAsync(Once);
        await gate.AdmittedAsync(Letter);
        await gate.RefusedAsync(Letter);
        Assert.Equal(0, gate.Queue.FirstLooks);

        await gate.AdmitAsync(Once);
        Assert.Equal(1, gate.Queue.FirstLooks);
    }

    [Fact]
    public async Task Test_mail_and_reports_of_ours_count_for_nobody()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 1 });
        var test = gate.Credential with { Mode = MessageMode.Test };
        await gate.AdmittedAsync(Letter, With(test));
        await gate.AdmittedAsync(Letter, With(test));
        await gate.AdmittedAsync(Letter, submission => submission with { Source = MessageSource.Report });

        await gate.AdmittedAsync(Letter);
        Assert.Equal(RefusalReason.QuotaExceeded, (await gate.RefusedAsync(Letter)).Reason);
    }

    [Fact]
    public async Task Many_at_once_take_together_what_there_is()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 10 });

        var results = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => gate.AdmitAsync(Letter).AsTask())));

        Assert.Equal(10, results.Count(result => result is AdmissionResult.Admitted));
        Assert.Equal(10, gate.Queue.Accepted.Count);
    }

    [Fact]
    public async Task A_limit_that_was_changed_holds_from_then_on()
    {
        using var gate = await StartAsync(new SendingLimits { PerDay = 1 });
        await gate.AdmittedAsync(Letter);
        await gate.RefusedAsync(Letter);

        await gate.Accounts.ChangeAccountAsync("shop", account => account with { Limits = new SendingLimits { PerDay = 2 } }, Cancellation);
        await gate.AdmittedAsync(Letter);
        await gate.RefusedAsync(Letter);
    }

    [Fact]
    public async Task A_limit_of_a_key_holds_for_a_session_that_was_open_before()
    {
        using var gate = await StartAsync(null);
        await gate.AdmittedAsync(Letter);

        await ChangeAsync(new SendingLimits { PerDay = 1 });
        Assert.Equal(LimitOwner.Key, (await gate.RefusedAsync(Letter)).Quota?.Of);

        await ChangeAsync(null);
        await gate.AdmittedAsync(Letter);

        ValueTask<Credential?> ChangeAsync(SendingLimits? limits) =>
            gate.Accounts.ChangeCredentialAsync("shop", gate.Credential.Id, key => key with { Limits = limits }, Cancellation);
    }

    [Fact]
    public async Task Accounts_without_limits_of_their_own_have_those_of_the_configuration()
    {
        using var gate = await StartAsync(null, ("Limits:PerDay", "1"));
        await gate.AdmittedAsync(Letter);
        await gate.RefusedAsync(Letter);

        await gate.Accounts.ChangeAccountAsync("shop", account => account with { Limits = new SendingLimits() }, Cancellation);
        await gate.AdmittedAsync(Letter);
    }

    [Fact]
    public void A_message_that_fits_costs_no_memory()
    {
        var meter = new QuotaMeter(LimitOwner.Account, (_, _) => ValueTask.FromResult(default(UsedUp)), TimeProvider.System);
        var limits = new SendingLimits { PerDay = 1_000_000, PerMonth = 1_000_000 };
        Take(1_000);

        // A look, once a second, may fall among them: what counts is that most cost nothing.
        var before = GC.GetAllocatedBytesForCurrentThread();
        Take(1_000);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000);

        void Take(int messages)
        {
            for (var i = 0; i < messages; i++)
            {
                var taken = meter.TryTakeAsync(limits, 1, Cancellation);
                Assert.True(taken.IsCompletedSuccessfully);
                meter.End(1, isWritten: true);
            }
        }
    }

    [Fact]
    public async Task What_another_node_takes_is_seen_within_ten_seconds_and_near_the_end_within_one()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var elsewhere = 0L;
        var looks = 0;
        var here = new QuotaMeter(
            LimitOwner.Account,
            (_, _) =>
            {
                looks++;
                return ValueTask.FromResult(new UsedUp(elsewhere, elsewhere));
            },
            time);
        var limits = new SendingLimits { PerDay = 1_000 };

        async Task<bool> TakesAsync(int recipients)
        {
            var taken = await here.TryTakeAsync(limits, recipients, Cancellation) is null;
            if (taken)
            {
                here.End(recipients, isWritten: true);
                elsewhere += recipients;
            }

            return taken;
        }

        Assert.True(await TakesAsync(1));
        elsewhere += 900;
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.True(await TakesAsync(1));
        Assert.Equal(1, looks);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await TakesAsync(1));
        Assert.Equal(2, looks);

        elsewhere += 97;
        Assert.True(await TakesAsync(1));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await TakesAsync(1));
        Assert.Equal(3, looks);

        // However many are refused, it is looked once a second.
        for (var i = 0; i < 100; i++)
        {
            Assert.False(await TakesAsync(1));
        }

        Assert.Equal(3, looks);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 2)]
    public async Task What_may_stand_in_the_count_twice_is_waited_for_before_anything_is_refused(bool isWritten, int room)
    {
        var (time, store) = (Clock(), 0L);
        var meter = new QuotaMeter(LimitOwner.Account, (_, _) => ValueTask.FromResult(new UsedUp(store, store)), time);
        var limits = new SendingLimits { PerDay = 2 };
        Assert.Null(await meter.TryTakeAsync(limits, 1, Cancellation));

        // The store has it, or will not; here nobody knows yet.
        store = isWritten ? 1 : 0;
        time.Advance(TimeSpan.FromSeconds(1));
        var next = meter.TryTakeAsync(limits, room, Cancellation).AsTask();
        Assert.False(next.IsCompleted);

        meter.End(1, isWritten);
        Assert.Null(await next.WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
    }

    [Fact]
    public async Task What_has_no_room_however_it_ends_is_refused_at_once()
    {
        var (time, store) = (Clock(), 0L);
        var meter = new QuotaMeter(LimitOwner.Account, (_, _) => ValueTask.FromResult(new UsedUp(store, store)), time);
        var limits = new SendingLimits { PerDay = 2 };
        Assert.Null(await meter.TryTakeAsync(limits, 2, Cancellation));
        Assert.Equal(2, (await meter.TryTakeAsync(limits, 1, Cancellation))?.Used);

        store = 2;
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, (await meter.TryTakeAsync(limits, 1, Cancellation))?.Used);
    }

    [Fact]
    public async Task Who_waits_for_room_can_be_gone_before()
    {
        var (time, store) = (Clock(), 0L);
        var meter = new QuotaMeter(LimitOwner.Account, (_, _) => ValueTask.FromResult(new UsedUp(store, store)), time);
        var limits = new SendingLimits { PerDay = 2 };
        Assert.Null(await meter.TryTakeAsync(limits, 1, Cancellation));
        store = 1;
        time.Advance(TimeSpan.FromSeconds(1));
        using var gone = new CancellationTokenSource();
        var next = meter.TryTakeAsync(limits, 1, gone.Token).AsTask();

        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
        meter.End(1, isWritten: true);
        Assert.Null(await meter.TryTakeAsync(limits, 1, Cancellation));
    }

    private static Microsoft.Extensions.Time.Testing.FakeTimeProvider Clock() => new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    private static async Task<GateUnderTest> StartAsync(SendingLimits? limits, params (string Name, string Value)[] settings)
    {
        var gate = await (await new GateUnderTest(settings: settings).WithKeyAsync()).WithDomainAsync();
        await gate.Accounts.TryAddAccountAsync(new Account("shop", "Shop", gate.Time.GetUtcNow()) { Limits = limits }, Cancellation);
        return gate;
    }

    private static Func<Submission, Submission> To(params string[] recipients) =>
        submission => submission with { Envelope = GateUnderTest.Envelope(recipients) };

    private static Func<Submission, Submission> With(Credential credential) => submission => submission with { Credential = credential };
}
