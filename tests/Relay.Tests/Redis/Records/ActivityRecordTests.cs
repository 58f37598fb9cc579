using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Redis.Records;

namespace Relay.Tests.Redis.Records;

public sealed class ActivityRecordTests
{
    private static readonly Message Message = TestMail.To(TimeProvider.System, "a@x.test");

    [Fact]
    public void Events_appended_one_by_one_are_read_in_order()
    {
        var events = Read([.. Pack(Event(MailEventType.Accepted)), .. Pack(Event(MailEventType.Deferred)), .. Pack(Event(MailEventType.Delivered))]);

        Assert.Equal([MailEventType.Accepted, MailEventType.Deferred, MailEventType.Delivered], events.Select(e => e.Type));
    }

    [Fact]
    public void What_is_cut_short_hides_only_itself()
    {
        var first = Pack(Event(MailEventType.Accepted));
        byte[] packed = [.. first, .. Pack(Event(MailEventType.Delivered))];

        for (var length = first.Length; length < packed.Length; length++)
        {
            Assert.Single(Read(packed[..length]));
        }
    }

    [Fact]
    public void An_event_on_its_way_tells_message_account_and_end_without_its_JSON()
    {
        var octets = EventRecord.Write(Event(MailEventType.Delivered), node: 7, ends: true);

        Assert.True(EventRecord.TryRead(octets, out var record));
        Assert.Equal((Message.Id, "acme", 7, true), (record.Message, record.Account, record.Node, record.Ends));
        Assert.Equal(MailEventType.Delivered, record.Read().Type);
    }

    private static MailEvent Event(MailEventType type) =>
        new() { Time = DateTimeOffset.UtcNow, Type = type, Message = Message.Id, Account = "acme", Recipient = "a@x.test" };

    private static byte[] Pack(MailEvent happened)
    {
        Assert.True(EventRecord.TryRead(EventRecord.Write(happened, 1, false), out var record));
        var packed = new byte[ActivityRecord.Measure(record)];
        ActivityRecord.Write(record, packed);
        return packed;
    }

    private static List<MailEvent> Read(byte[] octets)
    {
        var events = new List<MailEvent>();
        ActivityRecord.Read(octets, events);
        return events;
    }
}
