namespace Relay.ScenarioTests.Harness;

/// <summary>A mailbox of one file a message.</summary>
internal static class Maildir
{
    /// <summary>The messages as the server wrote them, once there are so many.</summary>
    /// <param name="log">What the server has to say where they never come.</param>
    public static async Task<IReadOnlyList<byte[]>> WaitAsync(string box, int count, Func<string> log, CancellationToken cancellation)
    {
        var folder = Path.Combine(box, "new");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        while (!Directory.Exists(folder) || Directory.GetFiles(folder).Length < count)
        {
            Assert.False(deadline.IsCancellationRequested, $"no mail in {box}:\n{log()}");

            // A Maildir has no signal to wait for.
            await Task.Delay(25, cancellation);
        }

        return [.. Directory.GetFiles(folder).Select(File.ReadAllBytes)];
    }
}
