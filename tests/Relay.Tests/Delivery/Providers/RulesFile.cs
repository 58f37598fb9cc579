namespace Relay.Tests.Delivery.Providers;

/// <summary>A file of rules of one's own.</summary>
internal sealed class RulesFile : IDisposable
{
    private DateTime _written = DateTime.UtcNow.AddMinutes(-10);

    public RulesFile(string text) => Write(text);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), System.IO.Path.GetRandomFileName());

    // A time of its own each time: two writes within the clock of a file system would look like one.
    public void Write(string text)
    {
        File.WriteAllText(Path, text);
        File.SetLastWriteTimeUtc(Path, _written += TimeSpan.FromSeconds(1));
    }

    public void Dispose() => File.Delete(Path);
}
