namespace Relay.ScenarioTests.Harness;

internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("relay-folder-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
