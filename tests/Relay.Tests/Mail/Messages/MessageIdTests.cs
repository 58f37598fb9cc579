using Relay.Mail.Messages;

namespace Relay.Tests.Mail.Messages;

public sealed class MessageIdTests
{
    [Fact]
    public void An_id_survives_its_outside_form()
    {
        for (var i = 0; i < 1_000; i++)
        {
            var id = MessageId.Create(TimeProvider.System);

            Assert.Equal(26, id.ToString().Length);
            Assert.Equal(id, MessageId.Parse(id.ToString()));
        }
    }

    [Fact]
    public void An_id_keeps_the_slot_it_was_made_for_and_the_time()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.Parse("2026-11-22T10:20:30.123Z"));
        for (var slot = 0; slot < MessageId.Slots; slot++)
        {
            var id = MessageId.Create(time, slot);

            Assert.Equal(slot, id.Slot);
            Assert.Equal(slot % 16, id.Partition(16));
            Assert.Equal(time.GetUtcNow(), id.CreatedAt);
        }
    }

    [Fact]
    public void Outside_forms_sort_by_time()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var earlier = MessageId.Create(time);
        time.Advance(TimeSpan.FromMilliseconds(1));
        var later = MessageId.Create(time);

        Assert.True(string.CompareOrdinal(earlier.ToString(), later.ToString()) < 0);
        Assert.True(earlier.CompareTo(later) < 0);
    }

    [Fact]
    public void Slots_are_used_evenly()
    {
        var counts = new int[16];
        for (var i = 0; i < 16_000; i++)
        {
            counts[MessageId.Create(TimeProvider.System).Partition(16)]++;
        }

        // A partition of sixteen gets 1,000 of 16,000; seven standard deviations are about 215.
        Assert.All(counts, count => Assert.InRange(count, 785, 1_215));
    }

    [Theory]
    [InlineData("")]
    [InlineData("short")]
    [InlineData("81f8bc1k9p2m3n4q5r6s7t8v9w")] // more than 128 bits
    [InlineData("01f8bc1k9p2m3n4q5r6s7t8v9u")] // u is not a digit
    [InlineData("01F8BC1K9P2M3N4Q5R6S7T8V9W")] // one outside form only
    [InlineData("01f8bc1k9p2m3n4q5r6s7t8v9w ")]
    public void What_is_not_an_id_is_refused(string text) => Assert.False(MessageId.TryParse(text, out _));
}
