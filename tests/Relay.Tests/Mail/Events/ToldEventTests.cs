using System.Text;
using System.Text.Json;
using Relay.Delivery.Hooks;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Messages;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Tests.Mail.Events;

/// <summary>An event as programs read it, to the octet: in the timeline of a message, and posted to a webhook.</summary>
public sealed class ToldEventTests
{
    private static readonly MessageId Message = MessageId.Parse("01kd3v00000000000000000000");

    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, 125, TimeSpan.Zero);

    private static readonly MailEvent Whole = new()
    {
        Time = Noon,
        Type = MailEventType.Uncertain,
        Message = Message,
        Account = "shop",
        Recipient = "a@x.test",
        Attempt = 2,
        Host = "mx.x.test",
        Address = "192.0.2.1:25",
        Tls = "TLS1.3 TLS_AES_256_GCM_SHA384",
        TlsPolicy = "dane",
        TlsProof = "dane 3 1 1",
        Reply = "550 5.1.1 <a@x.test>: no such user",
        Rule = "google.no-such-user",
        Suppresses = true,
        Stream = "news",
        By = "key_1",
        NextAttempt = Noon.AddMinutes(1),
        MayHaveBeenDelivered = true,
    };

    private static readonly MailEvent Bare = new() { Time = Noon, Type = MailEventType.Cancelled, Message = Message, Account = "shop" };

    private static readonly MessageSummary Summary = new()
    {
        MessageId = "1@shop.test",
        From = "Ada <a@shop.test>",
        Subject = "Größe",
        Recipients = ["a@x.test", "b@x.test"],
        Class = MessageClass.Bulk,
        Mode = MessageMode.Test,
        Stream = "bulk",
        Tags = ["order"],
        Metadata = new Dictionary<string, string> { ["order"] = "42" },
    };

    [Fact]
    public void In_the_timeline_of_a_message()
    {
        Assert.Equal(
            """
            {"time":"2026-03-01T12:00:00.125+00:00","type":"uncertain","recipient":"a@x.test","attempt":2,"host":"mx.x.test","address":"192.0.2.1:25","tls":"TLS1.3 TLS_AES_256_GCM_SHA384","tlsPolicy":"dane","tlsProof":"dane 3 1 1","reply":"550 5.1.1 <a@x.test>: no such user","rule":"google.no-such-user","class":"unknown-user","fault":"recipient","stream":"news","by":"key_1","nextAttempt":"2026-03-01T12:01:00.125+00:00","mayHaveBeenDelivered":true}
            """,
            InTimeline(Whole));
        Assert.Equal("""{"time":"2026-03-01T12:00:00.125+00:00","type":"cancelled"}""", InTimeline(Bare));
    }

    [Fact]
    public void Posted_to_a_webhook()
    {
        Assert.Equal(
            """
            {"type":"uncertain","timestamp":"2026-03-01T12:00:00.125+00:00","data":{"id":"01kd3v00000000000000000000","messageId":"1@shop.test","from":"Ada \u003Ca@shop.test\u003E","subject":"Gr\u00F6\u00DFe","recipient":"a@x.test","attempt":2,"host":"mx.x.test","address":"192.0.2.1:25","tls":"TLS1.3 TLS_AES_256_GCM_SHA384","tlsPolicy":"dane","tlsProof":"dane 3 1 1","reply":"550 5.1.1 \u003Ca@x.test\u003E: no such user","rule":"google.no-such-user","class":"unknown-user","fault":"recipient","stream":"news","by":"key_1","nextAttempt":"2026-03-01T12:01:00.125+00:00","mayHaveBeenDelivered":true,"mode":"test","messageClass":"bulk","tags":["order"],"metadata":{"order":"42"}}}
            """,
            Posted(Whole, Summary));
        Assert.Equal(
            """
            {"type":"cancelled","timestamp":"2026-03-01T12:00:00.125+00:00","data":{"id":"01kd3v00000000000000000000","messageId":"1@shop.test","from":"Ada \u003Ca@shop.test\u003E","subject":"Gr\u00F6\u00DFe","recipients":["a@x.test","b@x.test"],"stream":"bulk","mode":"test","messageClass":"bulk","tags":["order"],"metadata":{"order":"42"}}}
            """,
            Posted(Bare, Summary));
        Assert.Equal("""{"type":"cancelled","timestamp":"2026-03-01T12:00:00.125+00:00","data":{"id":"01kd3v00000000000000000000"}}""", Posted(Bare, null));
    }

    private static string InTimeline(MailEvent happened) => JsonSerializer.Serialize(TimelineView.Of(happened), AnswerJson.Default.TimelineView);

    private static string Posted(MailEvent happened, MessageSummary? summary) => Encoding.UTF8.GetString(EventBody.Write(happened, summary));
}
