using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Journal;

namespace Relay.Tests.Redis.Journal;

/// <summary>The journal over the end of its process: nothing that is closed is needed for it to be read again.</summary>
public sealed class LocalJournalTests : IDisposable
{
    private readonly string _folder = StoreUnderTest.NewFolder();
    private readonly List<LocalJournal> _opened = [];

    private string FirstFile => Path.Combine(_folder, "journal", "01.journal");

    public void Dispose()
    {
        _opened.ForEach(j => j.Dispose());
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void What_is_open_when_the_process_ends_is_found_at_the_next_start()
    {
        var dot = Dot("mx.x.test");
        var done = Done(2, "250 taken");
        var (journal, found) = Open();
        Assert.Empty(found);
        journal.Add(dot);
        journal.Add(done);

        (_, found) = OpenAgain();

        Assert.Equal(dot, Assert.Single(found.OfType<DotEntry>()));
        var read = Assert.Single(found.OfType<DoneEntry>());
        Assert.Equal((done.Unit, done.Attempts, done.Due), (read.Unit, read.Attempts, read.Due));
        Assert.Equal(done.Events[0], read.Events[0]);
        Assert.Equal(done.Next!.Open, read.Next!.Open);
        Assert.Equal(done.Reports[0].Record.ToArray(), read.Reports[0].Record.ToArray());
    }

    [Fact]
    public void What_is_settled_is_forgotten_and_an_outcome_takes_the_place_of_its_dot()
    {
        var settled = Dot("mx.x.test");
        var answered = Dot("mx.y.test");
        var (journal, _) = Open();
        journal.Add(settled);
        journal.Add(answered);
        journal.Add(new DoneEntry(answered.Unit, answered.Attempts) { Events = [] });
        journal.End(settled.Unit);

        var (again, found) = OpenAgain();

        Assert.IsType<DoneEntry>(Assert.Single(found));
        again.End(answered.Unit);
        Assert.Empty(OpenAgain().Found);
    }

    [Fact]
    public void It_outlives_one_start_after_another_without_growing()
    {
        var dots = new List<DotEntry>();
        for (var start = 0; start < 10; start++)
        {
            var (journal, found) = OpenAgain();
            Assert.Equal(dots.Select(d => d.Unit).Order(By), found.Select(d => d.Unit).Order(By));
            dots.Add(Dot("mx.x.test"));
            journal.Add(dots[^1]);
        }

        Assert.InRange(Directory.GetFiles(Path.Combine(_folder, "journal")).Length, 1, 2);
    }

    [Fact]
    public void It_stays_small_whatever_passes_through_it_and_keeps_what_hangs()
    {
        var hanging = Dot("slow.x.test");
        var (journal, _) = Open();
        journal.Add(hanging);
        for (var i = 0; i < 40_000; i++)
        {
            var done = Done(0, new string('x', 400));
            Assert.True(journal.Add(done));
            journal.End(done.Unit);
        }

        Assert.Equal(hanging, Assert.Single(OpenAgain().Found));
        Assert.InRange(Directory.GetFiles(Path.Combine(_folder, "journal")).Length, 1, 3);
    }

    [Fact]
    public void A_record_that_was_not_finished_is_not_there()
    {
        var kept = Dot("mx.x.test");
        var (journal, _) = Open();
        journal.Add(kept);
        var end = 16 + 16 + ((kept.ToArray().Length + 3) & ~3);
        CloseAll();

        // Length, checksum and octets of the next one, but not its generation.
        Write(end, [40, 0, 0, 0, 1, 2, 3, 4, 1, 0, 0, 0]);

        Assert.Equal(kept, Assert.Single(OpenAgain().Found));
    }

    [Fact]
    public void A_damaged_record_is_passed_over()
    {
        var damaged = Dot("mx.x.test");
        var kept = Dot("mx.y.test");
        var (journal, _) = Open();
        journal.Add(damaged);
        journal.Add(kept);
        CloseAll();

        Write(16 + 16 + 40, [0xff, 0xff]);

        Assert.Equal(kept, Assert.Single(OpenAgain().Found));
    }

    [Fact]
    public void A_length_that_cannot_be_ends_the_reading_and_nothing_else()
    {
        var kept = Dot("mx.x.test");
        var (journal, _) = Open();
        journal.Add(kept);
        journal.Add(Dot("mx.y.test"));
        var second = 16 + 16 + ((kept.ToArray().Length + 3) & ~3);
        CloseAll();

        Write(second, [0xff, 0xff, 0xff, 0x7f]);

        var (again, found) = OpenAgain();
        Assert.Equal(kept, Assert.Single(found));
        var later = Dot("mx.z.test");
        Assert.True(again.Add(later));
        Assert.Equal(2, OpenAgain().Found.Count);
    }

    [Fact]
    public void A_file_of_another_version_is_refused_in_words()
    {
        var (journal, _) = Open();
        journal.Add(Dot("mx.x.test"));
        CloseAll();
        Write(4, [2]);

        var refused = Assert.Throws<StoreRefusedException>(() => OpenAgain());
        Assert.Contains("version 2", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_never_finished_is_set_aside()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FirstFile)!);
        File.WriteAllBytes(FirstFile, [1, 2, 3]);

        Assert.Empty(Open().Found);
        Assert.True(File.Exists(FirstFile + ".unreadable"));
    }

    [Fact]
    public void A_record_larger_than_it_is_worth_is_left_out()
    {
        var (journal, _) = Open();
        Assert.False(journal.Add(Done(0, new string('x', 1024 * 1024))));
        Assert.True(journal.Add(Dot("mx.x.test")));
    }

    [Fact]
    public void What_is_to_outlast_a_power_cut_is_flushed()
    {
        var (journal, _) = Open();
        var done = Done(1, "250 taken");
        Assert.True(journal.AddFlushed([done]));
        Assert.Equal(done.Unit, Assert.Single(OpenAgain().Found).Unit);
    }

    private static readonly Comparer<UnitId> By = Comparer<UnitId>.Create((a, b) => a.Message.CompareTo(b.Message));

    private static DotEntry Dot(string host) =>
        new(new UnitId(MessageId.Create(TimeProvider.System), 3), 1, DateTimeOffset.FromUnixTimeMilliseconds(1_800_000_000_000), host);

    private static DoneEntry Done(int attempts, string reply) => new(new UnitId(MessageId.Create(TimeProvider.System), 0), attempts)
    {
        Next = new UnitState { Attempts = attempts + 1, Open = [new OpenRecipient(0, reply)], UncertainHost = "mx.x.test" },
        Due = 1_800_000_000_000,
        Events = [System.Text.Encoding.UTF8.GetBytes(reply)],
        Reports = [(MessageId.Create(TimeProvider.System), new ReadOnlySequence<byte>([1, 2, 3]))],
    };

    private (LocalJournal Journal, IReadOnlyList<JournalEntry> Found) Open()
    {
        var journal = new LocalJournal(NullLogger<LocalJournal>.Instance);
        _opened.Add(journal);
        return (journal, journal.Open(_folder));
    }

    private (LocalJournal Journal, IReadOnlyList<JournalEntry> Found) OpenAgain()
    {
        CloseAll();
        return Open();
    }

    // No more than the system does with the files of a process that is gone.
    private void CloseAll()
    {
        _opened.ForEach(j => j.Dispose());
        _opened.Clear();
    }

    private void Write(int position, byte[] octets)
    {
        using var file = new FileStream(FirstFile, FileMode.Open);
        file.Position = position;
        file.Write(octets);
    }
}
