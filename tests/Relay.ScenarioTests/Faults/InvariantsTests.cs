using System.Collections.Immutable;
using Relay.Faults.Checking;
using Relay.Faults.Ledgers;

namespace Relay.ScenarioTests.Faults;

/// <summary>A checker that cannot fail proves nothing: each invariant is shown a ledger in which it is broken, and one in which it is not.</summary>
public sealed class InvariantsTests
{
    private const string Ada = "ada@one.test";
    private const string Bob = "bob@two.test";
    private static readonly DateTimeOffset Noon = new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero);

    // One mail to two recipients in two domains, by SMTP, delivered and told so.
    private static ClosedBook Sound => new()
    {
        Submissions = [Sent(SubmissionOutcome.Ok)],
        Arrivals = [Took(Ada, 1), Took(Bob, 1)],
        Told = [Event(Ada, "delivered"), Event(Bob, "delivered")],
        Listed = [new Listed("t1", "id1", "acct_1")],
    };

    [Fact]
    public void A_sound_run_has_no_finding()
    {
        var verdict = Checker.Check(Sound, "F0", "redis", 1, 1, Promise.CrashSafe, Promise.PowerSafe);

        Assert.Empty(verdict.Findings);
        Assert.Empty(Invariants.EveryDoubleIsAdmitted(Sound));
        Assert.Equal((1, 2, 0, 0), (verdict.Accepted, verdict.Delivered, verdict.Lost, verdict.Doubled));
    }

    [Fact]
    public void I1_finds_a_recipient_that_was_accepted_and_never_served()
    {
        var book = Sound with { Arrivals = [Took(Ada, 1)], Told = [Event(Ada, "delivered")] };

        Assert.Contains(Bob, Assert.Single(Invariants.NothingIsLost(book)).About, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("delivered")]
    [InlineData("cancelled")]
    [InlineData("deferred")]
    public void I1_takes_no_word_of_the_relay_for_a_delivery(string told)
    {
        var book = Sound with { Arrivals = [Took(Ada, 1)], Told = [Event(Ada, "delivered"), Event(Bob, told)] };

        Assert.Single(Invariants.NothingIsLost(book));
    }

    [Theory]
    [InlineData(SinkAnswer.Deferred)]
    [InlineData(SinkAnswer.Refused)]
    public void I1_takes_no_refusal_for_a_delivery(SinkAnswer answer)
    {
        var book = Sound with { Arrivals = [Took(Ada, 1), Took(Bob, 1, answer)] };

        Assert.Single(Invariants.NothingIsLost(book));
    }

    [Fact]
    public void I1_is_content_with_a_bounce_that_was_told()
    {
        var book = Sound with { Arrivals = [Took(Ada, 1)], Told = [Event(Ada, "delivered"), Event(Bob, "bounced")] };

        Assert.Empty(Invariants.NothingIsLost(book));
    }

    [Fact]
    public void I2_finds_what_was_refused_and_came_all_the_same()
    {
        var book = Sound with { Submissions = [Sent(SubmissionOutcome.Fail)] };

        Assert.Equal(2, Invariants.NothingIsUnexpected(book).Count());
    }

    [Fact]
    public void I2_finds_what_nobody_sent()
    {
        Assert.Equal(2, Invariants.NothingIsUnexpected(Sound with { Submissions = [] }).Count());
        Assert.Single(Invariants.NothingIsUnexpected(Sound with { Arrivals = [.. Sound.Arrivals, Took("eve@three.test", 2)] }));
    }

    [Fact]
    public void I3_finds_a_message_that_came_to_one_of_two()
    {
        var book = Sound with { Submissions = [Sent(SubmissionOutcome.Info)], Arrivals = [Took(Ada, 1)], Told = [Event(Ada, "delivered")] };

        Assert.Single(Invariants.NothingIsHalf(book));
        Assert.Empty(Invariants.NothingIsHalf(book with { Arrivals = [], Told = [Event(Ada, "cancelled")] }));
    }

    [Fact]
    public void I4_finds_a_second_copy_that_nothing_explains()
    {
        var book = Sound with { Arrivals = [.. Sound.Arrivals, Took(Ada, 9)] };

        Assert.Contains(Ada, Assert.Single(Invariants.NothingIsDoubledWithoutCause(book)).About, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SinkAnswer.AcceptedUnheard)]
    [InlineData(SinkAnswer.AcceptedLate)]
    [InlineData(SinkAnswer.AcceptedThenReset)]
    public void I4_takes_an_answer_that_the_sink_kept_back_for_a_cause_but_wants_it_admitted(SinkAnswer answer)
    {
        var book = Sound with { Arrivals = [Took(Ada, 1, answer), Took(Ada, 9), Took(Bob, 1)] };

        Assert.Empty(Invariants.NothingIsDoubledWithoutCause(book));
        Assert.Single(Invariants.EveryDoubleIsAdmitted(book));
        Assert.Empty(Invariants.EveryDoubleIsAdmitted(book with { Told = [.. book.Told, Event(Ada, "uncertain")] }));
        Assert.Single(Invariants.EveryDoubleIsAdmitted(book with
        {
            Arrivals = [.. book.Arrivals, Took(Ada, 0, answer)],
            Told = [.. book.Told, Event(Ada, "uncertain")],
        }));
    }

    [Theory]
    [InlineData(StrikeKind.RelayKilled)]
    [InlineData(StrikeKind.PowerCut)]
    [InlineData(StrikeKind.Failover)]
    public void I4_wants_a_double_admitted_whatever_took_the_knowledge(StrikeKind kind)
    {
        var book = Sound with { Arrivals = Sound.Arrivals.Add(Took(Ada, 30)), Strikes = [Kill(2) with { Kind = kind }] };

        Assert.Contains(Checker.Check(book, "F1", "redis", 1, 1, Promise.CrashSafe, Promise.PowerSafe).Findings, f => f.Invariant == "I4");
        Assert.Empty(Invariants.EveryDoubleIsAdmitted(book with { Told = [.. book.Told, Event(Ada, "uncertain")] }));
    }

    [Fact]
    public void I4_asks_for_no_admission_where_the_evidence_went_with_the_machine()
    {
        var book = Sound with { Arrivals = Sound.Arrivals.Add(Took(Ada, 30)), Strikes = [Kill(2) with { Kind = StrikeKind.MachineCut }] };

        Assert.Empty(Invariants.EveryDoubleIsAdmitted(book));
        Assert.Empty(Invariants.NothingIsDoubledWithoutCause(book));
        Assert.Single(Invariants.NothingIsDoubledWithoutCause(book with { Strikes = [Kill(20) with { Kind = StrikeKind.MachineCut }] }));
    }

    [Fact]
    public void I4_takes_a_kill_for_a_cause_only_close_to_it()
    {
        var arrivals = Sound.Arrivals.Add(Took(Ada, 30));

        Assert.Empty(Invariants.NothingIsDoubledWithoutCause(Sound with { Arrivals = arrivals, Strikes = [Kill(2)] }));
        Assert.Single(Invariants.NothingIsDoubledWithoutCause(Sound with { Arrivals = arrivals, Strikes = [Kill(20)] }));
        Assert.Single(Invariants.NothingIsDoubledWithoutCause(Sound with { Arrivals = arrivals, Strikes = [Kill(40)] }));
    }

    [Fact]
    public void I4_takes_a_kill_for_the_cause_of_what_the_sink_read_just_after_it()
    {
        var kill = Kill(1) with { From = Noon.AddSeconds(0.9), To = Noon.AddSeconds(0.99) };

        Assert.Empty(Invariants.NothingIsDoubledWithoutCause(Sound with { Arrivals = Sound.Arrivals.Add(Took(Ada, 30)), Strikes = [kill] }));
    }

    [Fact]
    public void I4_takes_a_kill_for_a_cause_when_the_store_was_away_since_then()
    {
        var away = new Strike(StrikeKind.StoreAway, "paused", Noon.AddSeconds(2), Noon.AddSeconds(20));
        var book = Sound with { Arrivals = Sound.Arrivals.Add(Took(Ada, 30)), Strikes = [away, Kill(18)] };

        Assert.Empty(Invariants.NothingIsDoubledWithoutCause(book));
    }

    [Theory]
    [InlineData(StrikeKind.RelayStopped)]
    [InlineData(StrikeKind.StoreKilled)]
    [InlineData(StrikeKind.StoreAway)]
    public void I4_takes_no_stop_in_order_and_no_outage_for_a_cause(StrikeKind kind)
    {
        var book = Sound with { Arrivals = Sound.Arrivals.Add(Took(Ada, 30)), Strikes = [Kill(2) with { Kind = kind }] };

        Assert.Single(Invariants.NothingIsDoubledWithoutCause(book));
    }

    [Fact]
    public void I4_finds_a_kill_that_doubled_more_than_its_connections_carried()
    {
        var book = Sound with { Arrivals = [Took(Ada, 1), Took(Bob, 1), Took(Ada, 9), Took(Bob, 9)] };

        Assert.Single(Invariants.NoKillDoublesMoreThanItsConnections(book with { Strikes = [Kill(2) with { Connections = 1 }] }));
        Assert.Empty(Invariants.NoKillDoublesMoreThanItsConnections(book with { Strikes = [Kill(2) with { Connections = 2 }] }));
    }

    [Fact]
    public void I5_finds_a_body_that_was_changed_a_trace_line_too_many_and_a_bad_signature()
    {
        var arrival = Took(Ada, 1);

        Assert.Single(Invariants.ContentIsKept(Sound with { Arrivals = [arrival with { BodyHash = "other" }] }));
        Assert.Single(Invariants.ContentIsKept(Sound with { Arrivals = [arrival with { ReceivedLines = 2 }] }));
        Assert.Single(Invariants.ContentIsKept(Sound with { Arrivals = [arrival with { SignatureFault = new("no signature") }] }));
    }

    [Fact]
    public void I6_finds_ends_that_are_missing_doubled_or_untrue()
    {
        Assert.Single(Invariants.EventsTellTheTruth(Sound with { Told = [Event(Ada, "delivered")] }));
        Assert.Single(Invariants.EventsTellTheTruth(Sound with { Told = [.. Sound.Told, Event(Ada, "delivered")] }));
        Assert.Single(Invariants.EventsTellTheTruth(Sound with { Told = [Event(Ada, "bounced"), Event(Bob, "delivered")] }));
        Assert.Single(Invariants.EventsTellTheTruth(Sound with { Arrivals = [Took(Bob, 1)] }));
    }

    [Fact]
    public void I6_lets_a_message_expire_that_may_have_been_delivered()
    {
        var book = Sound with { Told = [Event(Ada, "expired") with { MayHaveBeenDelivered = true }, Event(Bob, "delivered")] };

        Assert.Empty(Invariants.EventsTellTheTruth(book));
    }

    [Fact]
    public void I7_finds_mail_in_another_accounts_list_and_mail_in_none()
    {
        Assert.Equal(2, Invariants.TenantsAreApart(Sound with { Listed = [new Listed("t1", "id1", "acct_2")] }).Count());
        Assert.Single(Invariants.TenantsAreApart(Sound with { Listed = [] }));
    }

    [Fact]
    public void I9_measures_less_than_was_asked_where_something_was_lost()
    {
        var book = Sound with { Arrivals = [], Told = [] };

        var broken = Checker.Check(book, "F4", "redis", 1, 1, Promise.PowerSafe, Promise.PowerSafe);
        var told = Checker.Check(book, "F4", "redis", 1, 1, Promise.PowerSafe, Promise.CrashSafe);

        Assert.NotEmpty(broken.Findings);
        Assert.Equal((2, Promise.CrashSafe), (broken.Lost, broken.Measured));
        Assert.DoesNotContain(told.Findings, f => f.Invariant == "I1");
        Assert.Contains("2 lost, as published", Assert.Single(told.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_store_was_free_to_lose_may_be_missing_and_what_it_still_says_may_not_be_wrong()
    {
        Assert.Empty(Uncovered(Sound with { Arrivals = [], Told = [], Listed = [] }));
        Assert.Empty(Uncovered(Sound with { Told = [], Listed = [] }));
        Assert.Equal("I6", Assert.Single(Uncovered(Sound with { Arrivals = [Took(Bob, 1)] })).Invariant);
        Assert.Equal("I7", Assert.Single(Uncovered(Sound with { Listed = [new Listed("t1", "id1", "acct_2")] })).Invariant);

        static IReadOnlyList<Finding> Uncovered(ClosedBook book) => Checker.Check(book, "F4", "redis", 1, 1, Promise.PowerSafe, Promise.CrashSafe).Findings;
    }

    [Fact]
    public void Mail_that_is_valid_is_never_refused_for_good()
    {
        var book = Sound with { Submissions = [Sent(SubmissionOutcome.Fail) with { Reply = "554 5.3.0 broken" }] };

        Assert.Single(Invariants.NothingIsRefusedForGood(book));
        Assert.Empty(Invariants.NothingIsRefusedForGood(Sound with { Submissions = [Sent(SubmissionOutcome.Fail) with { Reply = "452 4.3.1 full" }] }));
        Assert.Single(Invariants.NothingIsRefusedForGood(Sound with { Submissions = [Sent(SubmissionOutcome.Fail) with { Door = Door.Http, Reply = "422 {}" }] }));
    }

    private static Submission Sent(SubmissionOutcome outcome) =>
        new("t1", "acct_1", Door.Smtp, [Ada, Bob], "hash", HasKey: false, 1, Noon, Noon.AddSeconds(1), outcome, "id1", "250 2.0.0 Ok: queued as id1");

    private static Arrival Took(string recipient, int second, SinkAnswer answer = SinkAnswer.Accepted) =>
        new("t1", "sink", second, [recipient], "hash", 1, Noon.AddSeconds(second), answer);

    private static Told Event(string recipient, string type) => new("t1", "id1", recipient, type, Noon.AddSeconds(2), 1, null, false);

    private static Strike Kill(int second) => new(StrikeKind.RelayKilled, "relay 1", Noon.AddSeconds(second), Noon.AddSeconds(second), Connections: 9);
}
