using Relay.Mail.Accounts;
using Relay.Mail.Messages;
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
