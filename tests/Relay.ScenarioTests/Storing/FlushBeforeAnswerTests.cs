using System.Text;
using System.Text.RegularExpressions;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;
using Relay.TestKit.Relays;

namespace Relay.ScenarioTests.Storing;

/// <summary>The proof that a 250 is worth something: the kernel saw the flush of the store's log between the message and the answer.</summary>
public sealed partial class FlushBeforeAnswerTests
{
    private const string Token = "a-token-that-is-nowhere-else";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_embedded_store_flushes_its_log_between_the_message_and_the_250()
    {
        var strace = RealParts.Require("strace");
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(FreePorts.Next()));
        var trace = Path.Combine(relay.Folder, "trace");
        await using var tracer = ChildProcess.Start(
            strace,
            ["-f", "-y", "-s", "100000", "-e", "trace=write,writev,pwrite64,fsync,fdatasync,sync_file_range,sendto,sendmsg", "-o", trace, "-p", relay.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await Poll.UntilAsync(() => tracer.Errors.Contains("attached", StringComparison.Ordinal), Cancellation, () => tracer.Errors);

        await using (var client = await Submitter.ConnectAsync(relay, Cancellation))
        {
            var content = Encoding.ASCII.GetBytes($"From: a@sender.test\r\nTo: b@remote.test\r\nSubject: {Token}\r\n\r\nbody\r\n");
            await client.SubmitAsync("a@sender.test", ["b@remote.test"], content, Cancellation);
        }

        await Poll.UntilAsync(() => Lines(trace).Any(l => l.Contains("\"250 2.0.0 ", StringComparison.Ordinal)), Cancellation, () => "strace did not see the answer");
        var lines = Lines(trace);
        var written = Array.FindIndex(lines, l => LogWrite().IsMatch(l) && l.Contains(Token, StringComparison.Ordinal));
        var flushed = Array.FindIndex(lines, written + 1, l => LogFlush().IsMatch(l));
        var answered = Array.FindIndex(lines, l => l.Contains("\"250 2.0.0 ", StringComparison.Ordinal));

        Assert.True(written >= 0, "the message was not seen in a write to the store's log");
        Assert.InRange(flushed, written + 1, answered - 1);
    }

    // "12345 write(87</data/database/000004.log>, ..."
    [GeneratedRegex(@"^\d+ +write(v|64)?\(\d+<[^>]*/database/\d+\.log>")]
    private static partial Regex LogWrite();

    // Finished: either in one line, or in the second of two.
    [GeneratedRegex(@"^\d+ +(f(data)?sync\(\d+<[^>]*/database/\d+\.log>\) += 0|<\.\.\. f(data)?sync resumed>\) += 0)")]
    private static partial Regex LogFlush();

    private static string[] Lines(string trace)
    {
        if (!File.Exists(trace))
        {
            return [];
        }

        using var reader = new StreamReader(new FileStream(trace, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), Encoding.Latin1);
        return reader.ReadToEnd().Split('\n');
    }
}
