using Relay.TestKit.Relays;

namespace Relay.TestKit.Verifying;

/// <summary>dkimpy as a verifier that shares no code with us, nor with OpenDKIM. It takes the published keys from a file instead of the DNS.</summary>
public sealed class DkimPy : IAsyncDisposable
{
    // Each signature by itself: the program of the package looks at the first alone.
    private const string Script = """
        import sys, dkim
        keys = dict(line.rstrip('\n').split(' ', 1) for line in open(sys.argv[1]))
        message = dkim.DKIM(open(sys.argv[2], 'rb').read(), minkey=2048)
        find = lambda name, timeout=5: keys.get(name.decode().rstrip('.'), '').encode()
        for n in range(len([h for h, _ in message.headers if h.lower() == b'dkim-signature'])):
            try:
                print('good' if message.verify(idx=n, dnsfunc=find) else 'bad')
            except dkim.DKIMException as e:
                print('bad', e)
        """;

    // The one that Debian's packages are installed for; another may come before it in the PATH.
    private const string Python = "/usr/bin/python3";

    private readonly string _folder;

    private DkimPy(string folder) => _folder = folder;

    /// <param name="records">Name and text of each key record.</param>
    public static async Task<DkimPy> CreateAsync(IEnumerable<(string Name, string Text)> records)
    {
        RealParts.Require("dkimverify");
        var verifier = new DkimPy(Directory.CreateTempSubdirectory("relay-dkimpy-").FullName);
        await File.WriteAllLinesAsync(Path.Combine(verifier._folder, "keys"), records.Select(r => $"{r.Name} {r.Text}"));
        return verifier;
    }

    /// <summary>How many of a message's signatures are good, how many there are, and what was said.</summary>
    public async Task<(int Good, int All, string Words)> VerifyAsync(byte[] message, CancellationToken cancellation)
    {
        var file = Path.Combine(_folder, $"{Guid.NewGuid():n}.eml");
        await File.WriteAllBytesAsync(file, message, cancellation);
        var ended = await ChildProcess.RunAsync(Python, ["-c", Script, Path.Combine(_folder, "keys"), file], cancellation);
        var lines = ended.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return (lines.Count(line => line == "good"), lines.Length, ended.Output + ended.Errors);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
