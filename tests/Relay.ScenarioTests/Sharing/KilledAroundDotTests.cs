using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Sharing;

/// <summary>A relay killed around a final dot knows afterwards what it did, or says that it does not.</summary>
public sealed class KilledAroundDotTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("journal-done")]
    [InlineData("before-ack")]
    public Task An_outcome_in_the_journal_makes_a_second_copy_needless(string point) => IsDeliveredOnceAsync(point);

    [Theory]
    [InlineData("after-dot")]
    [InlineData("after-reply")]
    public async Task A_dot_without_an_outcome_is_told_as_uncertain_once_and_tried_again(string point)
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await KilledAtAsync(point, remote);

        await relay.StartAgainAsync(Cancellation);

        Assert.Equal(["accepted", "uncertain", "delivered"], await TimelineAsync(relay));
        Assert.InRange(remote.Messages.Count, 1, 2);
    }

    [Theory]
    [InlineData("before-mail")]
    [InlineData("after-data")]
    public Task A_kill_before_the_dot_leaves_no_trace(string point) => IsDeliveredOnceAsync(point);

    private static async Task IsDeliveredOnceAsync(string point)
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await KilledAtAsync(point, remote);

        await relay.StartAgainAsync(Cancellation);

        Assert.Equal(["accepted", "delivered"], await TimelineAsync(relay));
        Assert.Single(remote.Messages);
    }

    private static async Task<RelayUnderTest> KilledAtAsync(string point, ScriptedSmtpServer remote)
    {
        var setup = new RelaySetup { Variables = { ["RELAY_CRASH_AT"] = point } };
        var relay = await RelayUnderTest.StartAsync(
            Cancellation, setup.WithRoute(remote.Port).With("Delivery:Retry:Schedule", new JsonArray("00:00:01")));
        try
        {
            await relay.SendAsync(new { from = "a@sender.test", to = "b@remote.test", subject = point, text = "x" }, Cancellation);
        }
        catch (HttpRequestException)
        {
            // It may be faster to die than to answer.
        }

        Assert.Equal(128 + 9, await relay.WaitForExitAsync(Cancellation));
        relay.Variables.Remove("RELAY_CRASH_AT");
        return relay;
    }

    private static async Task<IReadOnlyList<string?>> TimelineAsync(RelayUnderTest relay)
    {
        var list = await relay.WaitForAsync("/messages", l => l.GetProperty("items").GetArrayLength() == 1, Cancellation);
        var id = list.GetProperty("items")[0].GetProperty("id").GetString();
        var message = await relay.WaitForAsync($"/messages/{id}", m => m.GetProperty("recipients")[0].GetProperty("status").GetString() == "delivered", Cancellation);
        return [.. message.GetProperty("timeline").EnumerateArray().Select(e => e.GetProperty("type").GetString())];
    }
}
