using System.Text;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Redis;

/// <summary>Messages, demands and settlements as tests of the queue need them.</summary>
internal static class TestMail
{
    public static readonly LeaseDemand Everything = new(1_000, long.MaxValue, _ => null);

    public static Message To(TimeProvider time, params string[] recipients) => For(time, "acme", recipients);

    public static Message For(TimeProvider time, string account, params string[] recipients) => new()
    {
        Id = MessageId.Create(time),
        Account = account,
        Credential = "key1",
        Source = MessageSource.Smtp,
        Envelope = new Envelope
        {
            Sender = EnvelopeAddress.Parse("sender@acme.test"),
            Recipients = [.. recipients.Select(r => new Recipient { Address = EnvelopeAddress.Parse(r) })],
        },
        Content = ContentOf("Subject: Hello\r\n\r\nBody\r\n"),
        AcceptedAt = time.GetUtcNow(),
        From = "Sender <sender@acme.test>",
        Subject = "Hello",
        MessageIdHeader = "1@acme.test",
    };

    public static MessageContent ContentOf(string head) => new()
    {
        Prologue = "Received: from test\r\n"u8.ToArray(),
        Head = Encoding.UTF8.GetBytes(head),
        Length = 21 + head.Length,
    };

    public static Settlement Delivered(Lease lease, TimeProvider time) =>
        new() { Lease = lease, Events = EventsOf(lease, MailEventType.Delivered, time, "250 2.0.0 taken") };

    public static Settlement Deferred(Lease lease, TimeProvider time, TimeSpan delay) => new()
    {
        Lease = lease,
        Events = EventsOf(lease, MailEventType.Deferred, time, "451 4.3.0 later"),
        Next = new UnitState
        {
            Attempts = lease.Attempts + 1,
            Open = [.. lease.Open.Select(index => new OpenRecipient(index, "451 4.3.0 later"))],
        },
        DueAt = time.GetUtcNow() + delay,
    };

    /// <summary>Refused for good, in words that blame the address.</summary>
    public static Settlement Bounced(Lease lease, TimeProvider time) => new()
    {
        Lease = lease,
        Events = [.. EventsOf(lease, MailEventType.Bounced, time, "550 5.1.1 No such user").Select(e => e with { Suppresses = true })],
    };

    private static IReadOnlyList<MailEvent> EventsOf(Lease lease, MailEventType type, TimeProvider time, string reply) =>
    [
        .. lease.Open.Select(index => new MailEvent
        {
            Time = time.GetUtcNow(),
            Type = type,
            Message = lease.Message.Id,
            Account = lease.Message.Account,
            Recipient = lease.Message.Envelope.Recipients[index].Address.Text,
            Attempt = lease.Attempts + 1,
            Reply = reply,
        }),
    ];
}
