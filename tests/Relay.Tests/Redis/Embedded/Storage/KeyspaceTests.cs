using System.Globalization;
using System.Text;
using Relay.Redis.Embedded.Storage;

namespace Relay.Tests.Redis.Embedded.Storage;

/// <summary>What nobody asks for any more goes away by itself, and nobody waits for it or stumbles over it.</summary>
public sealed class KeyspaceTests : IDisposable
{
    private readonly string _folder = EmbeddedServer.NewFolder();
    private readonly DatabaseFolder _files;
    private readonly Database _database;
    private readonly Keyspace _keyspace;
    private readonly Upkeep _upkeep;

    public KeyspaceTests()
    {
        _files = new DatabaseFolder(_folder);
        _database = _files.Open(isNew: true);
        _keyspace = new Keyspace(_database);
        _upkeep = new Upkeep(_keyspace);
    }

    public void Dispose()
    {
        _database.Dispose();
        _files.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_key_that_expired_leaves_nothing_behind_though_nobody_asked_for_it()
    {
        Turn(0, () =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                var entry = _keyspace.FindOrMake(Name(i), EntryType.String);
                _keyspace.WriteString(entry, new byte[i]);
                _keyspace.SetExpiry(entry, 1_000 + i);
            }
        });

        Turn(1_999, () =>
        {
            while (_upkeep.Step())
            {
            }
        });

        // Of each of the other thousand: the key, when it expires, and its long string; and once how far the ids go.
        Assert.Equal(1_000 + 1_000 + 975 + 1, CountAll());
        Assert.Equal(2_000, _keyspace.EarliestExpiry);

        Turn(5_000, () =>
        {
            while (_upkeep.Step())
            {
            }
        });
        Assert.Equal(1, CountAll());
    }

    [Fact]
    public void A_large_collection_is_gone_at_once_and_its_elements_step_by_step()
    {
        Turn(0, () => Fill("large", 5_000));
        Turn(0, () =>
        {
            _keyspace.Delete(_keyspace.Find("large"u8)!);
            Fill("large", 1);
        });
        Assert.Equal(1, _keyspace.Find("large"u8)!.Count);
        Assert.True(CountAll() > 5_000);

        var steps = 0;
        var isBehind = true;
        while (isBehind)
        {
            Turn(0, () => isBehind = _upkeep.Step());
            steps++;
        }

        Assert.InRange(steps, 10, 20);
        Turn(0, () => Assert.True(Elements.Contains(_keyspace, _keyspace.Find("large"u8)!, Name(0))));

        // The entry, its one element, and how far the ids go.
        Assert.Equal(3, CountAll());
    }

    [Fact]
    public void The_sweep_of_a_deleted_collection_goes_on_after_a_restart()
    {
        Turn(0, () => Fill("large", 1_500));
        Turn(0, () => _keyspace.Delete(_keyspace.Find("large"u8)!));
        Turn(0, () => _upkeep.Step());

        var again = new Keyspace(_database);
        var upkeep = new Upkeep(again);
        again.BeginTurn(0);
        while (upkeep.Step())
        {
        }

        again.EndTurn();
        _database.Commit();
        Assert.Equal(1, CountAll());
    }

    [Fact]
    public void The_head_of_a_queue_is_found_without_looking_at_all_that_left_it()
    {
        Turn(0, () =>
        {
            var entry = _keyspace.FindOrMake("queue"u8, EntryType.SortedSet);
            for (var i = 0; i < 1_000; i++)
            {
                SortedSet.Add(_keyspace, entry, Name(i), i);
            }
        });
        Turn(0, () =>
        {
            var entry = _keyspace.Find("queue"u8)!;
            for (var i = 0; i < 900; i++)
            {
                SortedSet.Remove(_keyspace, entry, Name(i), i);
            }
        });

        Turn(0, () =>
        {
            var entry = _keyspace.Find("queue"u8)!;
            Assert.Equal(0, CountDue(entry, until: 100));
            Assert.Equal(_keyspace.Keys.Scored(entry.Id, Score.ToOrdered(100) + 1, []).ToArray(), entry.First);

            Assert.Equal(2, CountDue(entry, until: 901));
            Assert.Equal(_keyspace.Keys.Scored(entry.Id, Score.ToOrdered(900), Name(900)).ToArray(), entry.First);

            SortedSet.Add(_keyspace, entry, "early"u8, 5);
            Assert.Equal(1, CountDue(entry, until: 100));
        });
    }

    [Fact]
    public void What_a_turn_wrote_it_sees_and_what_it_forgot_nobody_sees()
    {
        Turn(0, () => Fill("set", 3));
        _keyspace.BeginTurn(0);
        Fill("other", 2);
        var set = _keyspace.Find("set"u8)!;
        Assert.True(Elements.Remove(_keyspace, set, Name(1)));
        Assert.False(Elements.Contains(_keyspace, set, Name(1)));
        Assert.Equal(2, _keyspace.Find("other"u8)!.Count);

        _database.Clear();
        var fresh = new Keyspace(_database);
        fresh.BeginTurn(0);

        Assert.Equal(3, fresh.Find("set"u8)!.Count);
        Assert.True(Elements.Contains(fresh, fresh.Find("set"u8)!, Name(1)));
        Assert.Null(fresh.Find("other"u8));
    }

    private static byte[] Name(int number) => Encoding.ASCII.GetBytes(number.ToString("00000", CultureInfo.InvariantCulture));

    private void Turn(long now, Action work)
    {
        _keyspace.BeginTurn(now);
        work();
        _keyspace.EndTurn();
        _database.Commit();
    }

    private void Fill(string key, int elements)
    {
        var entry = _keyspace.FindOrMake(Encoding.ASCII.GetBytes(key), EntryType.Set);
        for (var i = 0; i < elements; i++)
        {
            Elements.Put(_keyspace, entry, Name(i), []);
        }
    }

    private int CountDue(Entry entry, double until)
    {
        using var scan = SortedSet.ByScore(_keyspace, entry, Score.Lowest, Score.ToOrdered(until) + 1, isReverse: false, out var isFromFirst);
        Assert.True(isFromFirst);
        var count = 0;
        while (scan.MoveNext())
        {
            if (count++ == 0)
            {
                SortedSet.NoteFirst(entry, scan.Key);
            }
        }

        if (count == 0)
        {
            SortedSet.NoteFirst(entry, _keyspace.Keys.Scored(entry.Id, Score.ToOrdered(until) + 1, []));
        }

        return count;
    }

    private int CountAll()
    {
        using var scan = _database.Scan("a"u8, "z"u8);
        var count = 0;
        while (scan.MoveNext())
        {
            count++;
        }

        return count;
    }
}
