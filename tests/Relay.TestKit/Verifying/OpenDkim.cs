using Relay.TestKit.Relays;

namespace Relay.TestKit.Verifying;

/// <summary>OpenDKIM as a verifier that shares no code with us. It takes the published keys from a file instead of the DNS.</summary>
public sealed class OpenDkim : IAsyncDisposable
{
    private readonly string _program;
    private readonly string _folder;

    private OpenDkim(string program, string folder) => (_program, _folder) = (program, folder);

    private string Configuration => Path.Combine(_folder, "opendkim.conf");

    /// <param name="records">Name and text of each key record.</param>
    public static async Task<OpenDkim> CreateAsync(IEnumerable<(string Name, string Text)> records)
    {
        var verifier = new OpenDkim(RealParts.Require("opendkim"), Directory.CreateTempSubdirectory("relay-opendkim-").FullName);
        var keys = Path.Combine(verifier._folder, "keys");
        await File.WriteAllLinesAsync(keys, records.Select(r => $"{r.Name} {r.Text}"));
        await File.WriteAllLinesAsync(verifier.Configuration, ["Mode v", $"TestPublicKeys {keys}"]);
        return verifier;
    }

    /// <summary>Verifies a message; of several signatures all must be good.</summary>
    public async Task<(bool IsGood, string Words)> VerifyAsync(byte[] message, CancellationToken cancellation)
    {
        var file = Path.Combine(_folder, $"{Guid.NewGuid():n}.eml");
        await File.WriteAllBytesAsync(file, message, cancellation);
        var ended = await ChildProcess.RunAsync(_program, ["-vv", "-t", file, "-x", Configuration], cancellation);
        var words = ended.Output + ended.Errors;
        return (ended.ExitCode == 0 && words.Contains("succeeded", StringComparison.Ordinal), words);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
