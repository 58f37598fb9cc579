using System.Globalization;
using Relay.Redis.Embedded.Storage;

namespace Relay.Tests.Redis.Embedded.Storage;

/// <summary>A power cut leaves any part of what was not yet flushed: what was answered is there, and of the rest whole transactions or nothing.</summary>
public sealed class TornLogTests : IAsyncLifetime
{
    private const int Transactions = 4;

    private readonly string _folder = EmbeddedServer.NewFolder();
    private string _log = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var server = EmbeddedServer.Start(_folder);
        using (var client = await server.ConnectAsync(Cancellation))
        {
            for (var i = 1; i <= Transactions; i++)
            {
                var number = i.ToString(CultureInfo.InvariantCulture);
                await client.AskAsync(Cancellation, "MULTI");
                await client.AskAsync(Cancellation, "SET", $"s{number}", "value");
                await client.AskAsync(Cancellation, "RPUSH", "list", number);
                await client.AskAsync(Cancellation, "ZADD", "set", number, number);
                await client.AskAsync(Cancellation, "EXEC");
            }
        }

        await server.StopAsync();
        _log = Directory.GetFiles(_folder, "*.log").Order(StringComparer.Ordinal).Last(f => new FileInfo(f).Length > 0);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void Cut_at_any_octet_it_holds_the_transactions_before_the_cut()
    {
        var octets = File.ReadAllBytes(_log);
        var seen = new int[octets.Length + 1];
        Parallel.For(0, octets.Length + 1, new ParallelOptions { MaxDegreeOfParallelism = 4 }, cut => seen[cut] = Recovered(octets.AsSpan(0, cut)));

        Assert.Equal(seen.Order(), seen);
        Assert.Equal(Enumerable.Range(0, Transactions + 1), seen.Distinct());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0xa5)]
    public void What_stands_in_the_place_of_the_last_record_does_not_matter(byte filling)
    {
        var octets = File.ReadAllBytes(_log);
        var last = StartOfLastTransaction(octets);
        Parallel.For(last, octets.Length - 1, new ParallelOptions { MaxDegreeOfParallelism = 4 }, from =>
        {
            var torn = octets.ToArray();
            torn.AsSpan(from).Fill(filling);

            Assert.InRange(Recovered(torn), Transactions - 1, Transactions);
        });
    }

    [Fact]
    public void A_hole_before_what_was_answered_is_refused_with_the_name_of_the_file()
    {
        var octets = File.ReadAllBytes(_log);
        octets[StartOfLastTransaction(octets) / 2] ^= 1;

        var refused = Assert.Throws<StorageException>(() => Recovered(octets));

        Assert.Contains(Path.GetFileName(_log), refused.Message);
        Assert.Contains("is damaged at octet", refused.Message);
    }

    private int StartOfLastTransaction(byte[] octets)
    {
        // By halves: the shortest log that still holds all but the last.
        var (low, high) = (0, octets.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Recovered(octets.AsSpan(0, middle)) >= Transactions - 1 ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    // Opens a copy with this log in it and says how many transactions it holds; each of them must be whole.
    private int Recovered(ReadOnlySpan<byte> log)
    {
        var copy = EmbeddedServer.NewFolder();
        try
        {
            foreach (var file in Directory.GetFiles(_folder))
            {
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
            }

            File.WriteAllBytes(Path.Combine(copy, Path.GetFileName(_log)), log);
            using var folder = new DatabaseFolder(copy);
            using var database = folder.Open(isNew: false);
            return Count(new Keyspace(database));
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    private static int Count(Keyspace keyspace)
    {
        keyspace.BeginTurn(0);
        var there = Enumerable.Range(1, Transactions)
            .Select(i => keyspace.Find(System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"s{i}"))) is not null)
            .ToList();
        var count = there.TakeWhile(t => t).Count();

        Assert.DoesNotContain(true, there.Skip(count));
        Assert.Equal(count, keyspace.Find("list"u8)?.Count ?? 0);
        Assert.Equal(count, keyspace.Find("set"u8)?.Count ?? 0);
        return count;
    }
}
