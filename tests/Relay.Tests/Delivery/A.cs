using System.Text;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Delivery;

/// <summary>Messages as delivery gets them.</summary>
internal static class A
{
    public const string Body = "From: Shop <orders@shop.test>\r\nSubject: Hello\r\n\r\nHello.\r\n";

    public static Message Message(TimeProvider time, params string[] recipients) => MessageOf(Body, time, recipients);

    public static Message Demanding(TlsDemand demand, TimeProvider time, params string[] recipients)
    {
        var message = Message(time, recipients);
        return message with { Envelope = message.Envelope with { Tls = demand } };
    }

    public static Message MessageOf(string body, TimeProvider time, params string[] recipients)
    {
        var head = Encoding.UTF8.GetBytes(body);
        var prologue = "Received: from client.test by relay.test\r\n"u8.ToArray();
        return new Message
        {
            Id = MessageId.Create(time),
            Account = "default",
            Credential = "key-1",
            Source = MessageSource.Smtp,
            AcceptedAt = time.GetUtcNow(),
            Envelope = new Envelope
            {
                Sender = EnvelopeAddress.Parse("orders@shop.test"),
                Recipients = [.. recipients.Select(r => new Recipient { Address = EnvelopeAddress.Parse(r) })],
            },
            Content = new MessageContent { Prologue = prologue, Head = head, Length = prologue.Length + head.Length },
        };
    }
}
