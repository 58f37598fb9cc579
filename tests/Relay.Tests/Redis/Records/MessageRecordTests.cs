using System.Buffers;
using Relay.Mail.Messages;
using Relay.Redis.Records;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Redis.Records;

public sealed class MessageRecordTests
{
    [Fact]
    public void A_message_is_read_as_it_was_written()
    {
        var message = Full();

        Assert.True(MessageRecord.TryRead(message.Id, MessageRecord.Write(message).ToArray(), out var read, out _));

        Assert.Equivalent(message with { Content = null! }, read with { Content = null! }, strict: true);
        Assert.Equal(message.Content.Prologue.ToArray(), read.Content.Prologue.ToArray());
        Assert.Equal(message.Content.Head.ToArray(), read.Content.Head.ToArray());
        Assert.Equal((3, 1_000_000, true, true), (read.Content.Chunks, read.Content.Length, read.Content.HasEightBit, read.Content.HasEightBitHeader));
    }

    [Fact]
    public void What_each_copy_is_signed_with_is_kept()
    {
        var message = Full();
        message = message with { Content = message.Content with { BodyHash = new byte[] { 1, 2, 3 } } };

        Assert.True(MessageRecord.TryRead(message.Id, MessageRecord.Write(message).ToArray(), out var read, out _));

        Assert.True(read.Content.IsPersonal);
        Assert.Equal([1, 2, 3], read.Content.BodyHash.ToArray());
    }

    [Fact]
    public void The_null_sender_stays_null()
    {
        var message = Full() with { Envelope = Full().Envelope with { Sender = null } };

        Assert.True(MessageRecord.TryRead(message.Id, MessageRecord.Write(message).ToArray(), out var read, out _));

        Assert.Null(read.Envelope.Sender);
    }

    [Fact]
    public void The_head_is_a_part_of_the_record_and_not_a_copy()
    {
        var message = Full();
        ReadOnlyMemory<byte> record = MessageRecord.Write(message).ToArray();

        Assert.True(MessageRecord.TryRead(message.Id, record, out var read, out _));

        Assert.True(record.Span.Overlaps(read.Content.Head.Span));
    }

    [Fact]
    public void A_record_cut_short_in_its_header_is_a_value_and_not_an_exception()
    {
        var message = Full();
        var record = MessageRecord.Write(message).ToArray();
        var content = message.Content.Prologue.Length + message.Content.Head.Length;

        for (var length = 0; length < record.Length - content; length++)
        {
            Assert.False(MessageRecord.TryRead(message.Id, record.AsMemory(0, length), out _, out var problem));
            Assert.NotEqual("", problem);
        }
    }

    [Fact]
    public void A_record_of_a_later_version_is_left_alone()
    {
        var record = MessageRecord.Write(Full()).ToArray();
        record[0] = 2;

        Assert.False(MessageRecord.TryRead(Full().Id, record, out _, out var problem));
        Assert.Contains("version 2", problem);
    }

    private static Message Full() => TestMail.To(TimeProvider.System, "a@x.test") with
    {
        Class = MessageClass.Bulk,
        Stream = "news",
        Mode = MessageMode.Test,
        ReturnPath = EnvelopeAddress.Parse("token@bounce.acme.test"),
        Webhook = "help.acme.test",
        Envelope = new Envelope
        {
            Sender = EnvelopeAddress.Parse("sänder@acme.test"),
            Recipients =
            [
                new Recipient { Address = EnvelopeAddress.Parse("\"a b\"@x.test"), Notify = DsnNotify.Never, OriginalRecipient = "rfc822;a@x.test" },
                new Recipient { Address = EnvelopeAddress.Parse("b@bücher.test"), Notify = DsnNotify.Success | DsnNotify.Delay },
                new Recipient { Address = EnvelopeAddress.Parse("c@x.test") },
            ],
            Return = DsnReturn.Full,
            EnvelopeId = "QQ314159",
            EightBitMime = true,
            SmtpUtf8 = true,
            Tls = TlsDemand.RequireTls,
        },
        Content = TestMail.ContentOf("Subject: é\r\n\r\nBody\r\n") with { Chunks = 3, Length = 1_000_000, HasEightBit = true, HasEightBitHeader = true },
        SendAt = DateTimeOffset.UtcNow.AddHours(1),
        ExpiresAt = DateTimeOffset.UtcNow.AddHours(2),
        Tags = ["a", "b"],
        Metadata = new Dictionary<string, string> { ["k"] = "v" },
        RepeatKey = "mail 1\t2",
        ReportsFailures = true,
        TraceParent = "00-1-2-01",
        Alignment = new Alignment("sender.test", null),
    };
}
