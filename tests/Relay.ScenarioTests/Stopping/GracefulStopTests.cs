using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Relay.ScenarioTests.Harness;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Stopping;

public sealed class GracefulStopTests
{
    private const int Clients = 8;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stop_under_load_loses_nothing_doubles_nothing_and_exits_with_0()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation, new RelaySetup().WithRoute(remote.Port).With("Delivery:Retry:Schedule", new JsonArray("00:00:01")));
        var accepted = new ConcurrentBag<string>();
        var unknown = new ConcurrentBag<string>();
        var load = Enumerable.Range(0, Clients).Select(client => SubmitUntilClosedAsync(relay, client, accepted, unknown)).ToArray();

        // Mail is on its way in and out by then.
        await remote.WaitForMessagesAsync(50, Cancellation);
        Assert.Equal(0, await relay.StopAsync(Cancellation));
        await Task.WhenAll(load);

        // What had no answer may have been accepted or not; what had one is here, once.
        await relay.StartAgainAsync(Cancellation);
        for (var count = accepted.Count; accepted.Except(remote.Messages.Select(SubjectOf)).Any(); count++)
        {
            await remote.WaitForMessagesAsync(count, Cancellation);
        }

        Assert.Equal(0, await relay.StopAsync(Cancellation));
        var subjects = remote.Messages.Select(SubjectOf).ToList();
        Assert.Equal(subjects.Count, subjects.Distinct().Count());
        Assert.Empty(subjects.Except(accepted).Except(unknown));
    }

    [Fact]
    public async Task A_transaction_past_its_dot_is_waited_for()
    {
        var gate = new TaskCompletionSource();
        var atDot = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, _ =>
        {
            atDot.TrySetResult();
            return RemoteAnswer.Say("250 2.0.0 Late").After(gate.Task);
        }));
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(remote.Port));
        var sent = await relay.SendAsync(new { from = "a@sender.test", to = "b@remote.test", subject = "late", text = "x" }, Cancellation);
        await atDot.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        relay.Terminate();
        await relay.WaitUntilClosedAsync(Cancellation);
        gate.SetResult();
        Assert.Equal(0, await relay.WaitForExitAsync(Cancellation));

        await relay.StartAgainAsync(Cancellation);
        var message = await relay.GetAsync($"/messages/{sent.GetProperty("id").GetString()}", Cancellation);
        Assert.Equal("delivered", message.GetProperty("recipients")[0].GetProperty("status").GetString());
        Assert.Single(remote.Messages);
    }

    [Fact]
    public async Task A_second_signal_ends_it_at_once()
    {
        var never = new TaskCompletionSource();
        var atDot = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, _ =>
        {
            atDot.TrySetResult();
            return RemoteAnswer.Silence.After(never.Task);
        }));
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation, new RelaySetup().WithRoute(remote.Port).With("ShutdownTimeout", "00:05:00"));
        await relay.SendAsync(new { from = "a@sender.test", to = "b@remote.test", subject = "stuck", text = "x" }, Cancellation);
        await atDot.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        relay.Terminate();
        await relay.WaitUntilClosedAsync(Cancellation);
        relay.Terminate();

        Assert.Equal(128 + 15, await relay.WaitForExitAsync(Cancellation));
        never.SetResult();
    }

    [Fact]
    public async Task A_transaction_that_never_ends_is_given_up_after_the_time_allowed_and_told_as_uncertain()
    {
        var never = new TaskCompletionSource();
        var atDot = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, _ =>
        {
            atDot.TrySetResult();
            return RemoteAnswer.Silence.After(never.Task);
        }));
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation, new RelaySetup().WithRoute(remote.Port).With("ShutdownTimeout", "00:00:02"));
        var sent = await relay.SendAsync(new { from = "a@sender.test", to = "b@remote.test", subject = "stuck", text = "x" }, Cancellation);
        await atDot.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        Assert.Equal(0, await relay.StopAsync(Cancellation));
        never.SetResult();

        // Whether the remote has it nobody knows, and the next start does not forget that.
        await relay.StartAgainAsync(Cancellation);
        await relay.WaitForAsync(
            $"/messages/{sent.GetProperty("id").GetString()}",
            message => message.GetProperty("timeline").EnumerateArray().Any(e => e.GetProperty("type").GetString() == "uncertain"),
            Cancellation);
    }

    [Fact]
    public async Task An_idle_session_is_told_and_does_not_hold_up_the_stop()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation);
        await using var client = await Submitter.ConnectAsync(relay, Cancellation);

        relay.Terminate();

        Assert.StartsWith("421 ", await client.ReadReplyAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(0, await relay.WaitForExitAsync(Cancellation));
    }

    private static string SubjectOf(ReceivedMail mail) =>
        mail.Text.Split('\n').Single(l => l.StartsWith("Subject: ", StringComparison.Ordinal))[9..].Trim();

    private static async Task SubmitUntilClosedAsync(RelayUnderTest relay, int number, ConcurrentBag<string> accepted, ConcurrentBag<string> unknown)
    {
        try
        {
            await using var client = await Submitter.ConnectAsync(relay, Cancellation);
            for (var i = 0; ; i++)
            {
                var subject = $"{number}-{i}";
                var content = Encoding.ASCII.GetBytes($"From: a@sender.test\r\nTo: b@remote.test\r\nSubject: {subject}\r\n\r\nx\r\n");
                try
                {
                    await client.SubmitAsync("a@sender.test", ["b@remote.test"], content, Cancellation);
                }
                catch
                {
                    unknown.Add(subject);
                    throw;
                }

                accepted.Add(subject);
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // The stop closed the door.
        }
    }
}
