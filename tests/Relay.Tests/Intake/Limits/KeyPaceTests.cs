using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Tests.Intake.Admission;

namespace Relay.Tests.Intake.Limits;

/// <summary>A burst over a key's rate is taken, and the queue lets it out in time.</summary>
public sealed class KeyPaceTests
{
    private const string Letter = "From: a@shop.test\r\n\r\n";

    [Fact]
    public async Task A_burst_is_taken_and_due_at_the_rate_after_a_second_of_it()
    {
        using var gate = await StartAsync(2);

        var due = await DueAsync(gate, 6);

        Assert.Equal([0, 0, 0, 0.5, 1, 1.5], due);
    }

    [Fact]
    public async Task A_slow_rate_lets_one_go_at_once()
    {
        using var gate = await StartAsync(0.1);

        Assert.Equal([0, 9, 19], await DueAsync(gate, 3));
        gate.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([0], await DueAsync(gate, 1));
    }

    [Fact]
    public async Task Each_node_has_an_even_part()
    {
        using var gate = await StartAsync(2);
        gate.Board.Join();

        Assert.Equal([0, 0, 1, 2], await DueAsync(gate, 4));
    }

    [Fact]
    public async Task A_key_without_a_rate_and_test_mail_never_wait()
    {
        using var gate = await StartAsync(null);
        Assert.Equal([0, 0, 0], await DueAsync(gate, 3));

        using var slow = await StartAsync(0.001);
        slow.Credential = slow.Credential with { Mode = MessageMode.Test };
        Assert.Equal([0, 0, 0], await DueAsync(slow, 3));
    }

    [Fact]
    public async Task What_was_not_accepted_takes_no_turn()
    {
        using var gate = await StartAsync(2);
        const string Once = "From: a@shop.test\r\nIdempotency-Key: one\r\n\r\n";
        await gate.AdmittedAsync(Once);
        Assert.IsType<AdmissionResult.Replayed>(await gate.AdmitAsync(Once));
        gate.Queue.Refusal = new EnqueueResult.StoreFull("full");
        await gate.RefusedAsync(Letter);
        gate.Queue.Refusal = null;

        Assert.Equal([0, 0, 0.5], await DueAsync(gate, 3));
    }

    [Fact]
    public async Task What_may_have_been_accepted_has_its_turn()
    {
        using var gate = await StartAsync(2);
        gate.Queue.Refusal = new EnqueueResult.StoreUnavailable("away");
        await gate.RefusedAsync(Letter);
        gate.Queue.Refusal = null;

        Assert.Equal([0, 0, 0.5], await DueAsync(gate, 3));
    }

    [Theory]
    [InlineData(4, 0.25)]
    [InlineData(1, 4)]
    public async Task As_many_are_ahead_as_were_when_the_rate_changes(double perSecond, double due)
    {
        using var gate = await StartAsync(2);
        await DueAsync(gate, 5);

        gate.Credential = gate.Credential with { Limits = new SendingLimits { PerSecond = perSecond } };

        Assert.Equal([due], await DueAsync(gate, 1));
    }

    [Fact]
    public async Task A_rate_that_was_changed_holds_for_a_session_that_was_open_before()
    {
        using var gate = await StartAsync(null);
        await gate.WithKeyAsync();
        await gate.AdmittedAsync(Letter);

        await gate.Accounts.ChangeCredentialAsync(
            "shop", gate.Credential.Id, key => key with { Limits = new SendingLimits { PerSecond = 1 } }, GateUnderTest.Cancellation);

        Assert.Equal([0, 0, 1], await DueAsync(gate, 3));
    }

    [Fact]
    public async Task What_is_for_later_anyway_is_not_sent_sooner()
    {
        using var gate = await StartAsync(0.1);
        await DueAsync(gate, 1);
        var later = gate.Time.GetUtcNow().AddHours(1);

        Assert.Equal(later, (await gate.AdmittedAsync(Letter, submission => submission with { SendAt = later })).DueAt);
    }

    private static async Task<GateUnderTest> StartAsync(double? perSecond)
    {
        var gate = await new GateUnderTest().WithDomainAsync();
        gate.Credential = gate.Credential with { Limits = new SendingLimits { PerSecond = perSecond } };
        return gate;
    }

    private static async Task<List<double>> DueAsync(GateUnderTest gate, int messages)
    {
        var due = new List<double>();
        for (var i = 0; i < messages; i++)
        {
            due.Add(((await gate.AdmittedAsync(Letter)).DueAt - gate.Time.GetUtcNow()).TotalSeconds);
        }

        return due;
    }
}
