using System.Globalization;
using Relay.TestKit;
using Relay.TestKit.Relays;

namespace Relay.Tests.Redis.Embedded;

/// <summary>A disk that fills up costs nothing that was answered, and no restart once there is room again.</summary>
public sealed class FullDiskTests
{
    private const int Kibibytes = 96;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_refuses_in_words_answers_reads_and_goes_on_when_there_is_room()
    {
        RealParts.RequireRoot();
        await using var disk = await SmallDisk.MountAsync(mebibytes: 160);
        var ballast = Path.Combine(disk.Path, "ballast");
        await using (var file = File.Create(ballast))
        {
            await file.WriteAsync(new byte[80 * 1024 * 1024], Cancellation);
        }

        var folder = Directory.CreateDirectory(Path.Combine(disk.Path, "database")).FullName;
        var server = EmbeddedServer.Start(folder);
        using var client = await server.ConnectAsync(Cancellation);
        var (kept, refusal) = await FillAsync(client);

        Assert.StartsWith("-MISCONF ", refusal, StringComparison.Ordinal);
        await AssertAllThereAsync(server, kept);
        Assert.StartsWith("-MISCONF ", await client.AskAsync(Cancellation, "DEL", "0"), StringComparison.Ordinal);

        File.Delete(ballast);
        await WaitUntilWritableAsync(server);
        Assert.Equal("+OK", await client.AskAsync(Cancellation, "SET", "after", "room"));
        await AssertAllThereAsync(server, kept);

        await server.StopAsync();
        server = EmbeddedServer.Start(folder);
        await AssertAllThereAsync(server, kept);
        await server.StopAsync();
    }

    // Writes until it is refused: how many were answered, and the refusal.
    private static async Task<(int Kept, string Refusal)> FillAsync(RawClient client)
    {
        var value = new char[Kibibytes * 1024];
        for (var i = 0; ; i++)
        {
            Random.Shared.GetItems<char>("abcdefghijklmnopqrstuvwxyz0123456789", value);
            Assert.True(i < 10_000, "the disk never filled up");
            var reply = await client.AskAsync(Cancellation, "SET", i.ToString(CultureInfo.InvariantCulture), new string(value));
            if (reply != "+OK")
            {
                return (i, reply);
            }
        }
    }

    private static async Task AssertAllThereAsync(EmbeddedServer server, int kept)
    {
        using var client = await server.ConnectAsync(Cancellation);
        for (var i = 0; i < kept; i++)
        {
            Assert.Equal($":{Kibibytes * 1024}", await client.AskAsync(Cancellation, "STRLEN", i.ToString(CultureInfo.InvariantCulture)));
        }

        // The last octet of one of them, so that their files are read too.
        Assert.Equal(3, (await client.AskAsync(Cancellation, "GETRANGE", "0", "-1", "-1")).Length);
    }

    private static async Task WaitUntilWritableAsync(EmbeddedServer server)
    {
        using var client = await server.ConnectAsync(Cancellation);
        var deadline = DateTime.UtcNow + Patience;
        while (await client.AskAsync(Cancellation, "SET", "probe", "1") != "+OK")
        {
            Assert.True(DateTime.UtcNow < deadline, "it did not write again");
            await Task.Delay(100, Cancellation);
        }
    }

    private sealed class SmallDisk : IAsyncDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("relay-small-").FullName;

        public static async Task<SmallDisk> MountAsync(int mebibytes)
        {
            var disk = new SmallDisk();
            var ended = await ChildProcess.RunAsync("mount", ["-t", "tmpfs", "-o", $"size={mebibytes}m", "tmpfs", disk.Path], Cancellation);
            Assert.True(ended.ExitCode == 0, ended.Errors);
            return disk;
        }

        public async ValueTask DisposeAsync()
        {
            await ChildProcess.RunAsync("umount", ["-l", Path], CancellationToken.None);
            Directory.Delete(Path);
        }
    }
}
