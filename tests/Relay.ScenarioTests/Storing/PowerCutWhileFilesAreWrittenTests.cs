using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Relay.Faults.Stores;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Storing;

/// <summary>
/// The embedded store writes its log into files and its files into others while mail comes in. Whenever the power goes,
/// what was answered is there: no log is removed before what replaces it is on the disk.
/// </summary>
public sealed class PowerCutWhileFilesAreWrittenTests
{
    private const int Cuts = 3;
    private const int Sessions = 4;
    private const int Octets = 150_000;

    // Each fills the store's share of memory, 32 MiB, once or more: the power goes while that is being written, or just was.
    private const int LeastBetween = 180;
    private const int MostBetween = 330;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_that_was_answered_is_lost()
    {
        RealParts.RequireRoot();
        await using var disk = await LoopDisk.MakeAsync(mebibytes: 1024, Cancellation);
        var port = FreePorts.Next();
        var setup = new RelaySetup().WithRoute(port).With("DataDirectory", Path.Combine(disk.Path, "data")).With("Delivery:Retry:Schedule", new JsonArray("00:00:01"));
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, setup);
        var answered = new ConcurrentBag<string>();
        for (var cut = 0; cut < Cuts; cut++)
        {
            var enough = answered.Count + Random.Shared.Next(LeastBetween, MostBetween);
            var clients = Enumerable.Range(0, Sessions).Select(i => SubmitUntilCutAsync(relay, $"{cut}-{i}", answered)).ToList();
            await Poll.UntilAsync(
                () =>
                {
                    Assert.False(clients.All(c => c.IsCompleted), "the relay refused before its power was cut");
                    return answered.Count >= enough;
                },
                Cancellation,
                () => relay.Output);

            relay.Pause();
            var left = await disk.CopyAsync(Cancellation);
            await relay.KillAsync();
            await Task.WhenAll(clients);
            await disk.GoOnWithAsync(left, Cancellation);
            await relay.StartAgainAsync(Cancellation);
        }

        Assert.NotEmpty(Directory.GetFiles(Path.Combine(disk.Path, "data", "database"), "*.blob"));
        await using var remote = ScriptedSmtpServer.Start(port: port);
        string[] missing = [.. answered];
        await Poll.UntilAsync(
            () => remote.Messages.Count >= answered.Count && (missing = [.. answered.Except(remote.Messages.Select(SubjectOf))]).Length == 0,
            Cancellation,
            () => $"{remote.Messages.Count} of {answered.Count} came, missing: {string.Join(", ", missing)}");
    }

    // Submits until the relay is gone; what was answered is noted only then.
    private static async Task SubmitUntilCutAsync(RelayUnderTest relay, string name, ConcurrentBag<string> answered)
    {
        try
        {
            await using var client = await Submitter.ConnectAsync(relay, Cancellation);
            for (var i = 0; ; i++)
            {
                var subject = $"cut {name} {i}";
                var line = new string((char)('a' + (i % 26)), 76) + "\r\n";
                var content = $"From: a@sender.test\r\nTo: b@remote.test\r\nSubject: {subject}\r\n\r\n{string.Concat(Enumerable.Repeat(line, Octets / line.Length))}";
                await client.SubmitAsync("a@sender.test", ["b@remote.test"], Encoding.ASCII.GetBytes(content), Cancellation);
                answered.Add(subject);
            }
        }
        catch (IOException)
        {
            // The power went.
        }
    }

    private static string SubjectOf(ReceivedMail mail) =>
        mail.Text.Split('\n').First(l => l.StartsWith("Subject: ", StringComparison.Ordinal))[9..].Trim();
}
