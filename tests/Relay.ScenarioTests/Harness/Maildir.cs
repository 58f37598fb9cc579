using Relay.TestKit;

namespace Relay.ScenarioTests.Harness;

/// <summary>A mailbox of one file a message.</summary>
internal static class Maildir
{
    /// <summary>The messages as the server wrote them, once there are so many.</summary>
    /// <param name="log">What the server has to say where they never come.</param>
    public static async Task<IReadOnlyList<byte[]>> WaitAsync(string box, int count, Func<string> log, CancellationToken cancellation)
    {
        var folder = Path.Combine(box, "new");
        await Poll.UntilAsync(() => Directory.Exists(folder) && Directory.GetFiles(folder).Length >= count, cancellation, () => $"no mail in {box}:\n{log()}");
        return [.. Directory.GetFiles(folder).Select(File.ReadAllBytes)];
    }
}
