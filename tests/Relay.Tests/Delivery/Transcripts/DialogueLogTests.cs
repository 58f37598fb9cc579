using Microsoft.Extensions.Time.Testing;
using Relay.Delivery.Transcripts;
using Relay.Mail.Events;

namespace Relay.Tests.Delivery.Transcripts;

public sealed class DialogueLogTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public void A_turn_is_told_behind_the_greeting_and_without_its_neighbours()
    {
        using var log = new DialogueLog(_time);
        log.Note(0, "connected");
        log.Heard("220 hello\r\n"u8);
        var (first, second) = (log.BeginTurn(), log.BeginTurn());
        log.Said(first, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n"u8);
        log.Said(second, "MAIL FROM:<secret@y.test>\r\n"u8);
        log.Listener = first;
        log.Heard("250 ok\r\n"u8);
        log.SaidContent(first, 1234, byChunk: false);
        _time.Advance(TimeSpan.FromSeconds(2));
        log.Heard("554-no\r\n554 never\r\n"u8);
        log.Listener = second;
        log.Heard("250 not for the first\r\n"u8);

        var told = log.Tell(first);

        Assert.Equal(
            ["Note connected", "Them 220 hello", "Us MAIL FROM:<a@x.test>", "Us RCPT TO:<b@x.test>", "Us DATA", "Them 250 ok", "Note (content: 1234 octets)", "Them 554-no", "Them 554 never"],
            told.Select(l => $"{l.Voice} {l.Text}"));
        Assert.Equal(TimeSpan.FromSeconds(2), told[^1].At - told[0].At);
        Assert.Equal(_time.GetUtcNow(), told[^1].At);
        Assert.Equal("Us MAIL FROM:<a@x.test>", $"{log.Tell(first, withGreeting: false)[0].Voice} {log.Tell(first, withGreeting: false)[0].Text}");
    }

    [Fact]
    public void What_is_forgotten_makes_room_and_moves_nothing_of_the_rest()
    {
        using var log = new DialogueLog(_time);
        log.Note(0, "connected");
        for (var i = 0; i < 10_000; i++)
        {
            var (gone, kept) = (log.BeginTurn(), log.BeginTurn());
            log.Said(gone, "RSET of one that is gone\r\n"u8);
            log.Said(kept, "MAIL of one that stays\r\n"u8);
            log.Said(gone, "more of what is gone\r\n"u8);
            log.Forget(gone);
            Assert.Equal(["connected", "MAIL of one that stays"], log.Tell(kept).Select(l => l.Text));
            log.Forget(kept);
        }
    }

    [Fact]
    public void A_dialogue_without_end_is_kept_up_to_a_bound()
    {
        using var log = new DialogueLog(_time);
        var turn = log.BeginTurn();
        log.Listener = turn;
        for (var i = 0; i < 5_000; i++)
        {
            log.Heard("250-and on and on and on and on and on and on and on and on\r\n"u8);
        }

        Assert.InRange(log.Tell(turn).Sum(l => l.Text.Length), 16 * 1024, 32 * 1024);
    }

    [Fact]
    public void No_control_character_of_a_remote_reaches_a_terminal()
    {
        using var log = new DialogueLog(_time);
        log.Heard("220 \u001b[31mred\u0007!\r\n"u8);

        Assert.Equal("220  [31mred !", log.Tell(0)[0].Text);
    }

    [Fact]
    public void Turned_off_it_keeps_nothing()
    {
        using var log = new DialogueLog(_time);
        log.TurnOff();
        log.Heard("220 hello\r\n"u8);

        Assert.Empty(log.Tell(0));
    }

    [Fact]
    public void A_good_turn_allocates_nothing()
    {
        using var log = new DialogueLog(TimeProvider.System);
        Converse(log, 100);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Converse(log, 1_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Converse(DialogueLog log, int times)
    {
        for (var i = 0; i < times; i++)
        {
            var turn = log.BeginTurn();
            log.Said(turn, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n"u8);
            log.Listener = turn;
            log.Heard("250 2.1.0 ok\r\n"u8);
            log.Heard("250 2.1.5 ok\r\n"u8);
            log.Heard("354 go\r\n"u8);
            log.SaidContent(turn, 10_000, byChunk: false);
            log.Heard("250 2.0.0 queued\r\n"u8);
            log.Forget(turn);
        }
    }
}
