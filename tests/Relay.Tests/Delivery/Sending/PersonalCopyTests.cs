using System.Text;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Signing;
using Relay.Mail.Tokens;
using Relay.TestKit.Remote;
using Relay.Tests.Mail.Signing;

namespace Relay.Tests.Delivery.Sending;

/// <summary>List mail to several recipients: each copy has its recipient's own link, and is signed with it.</summary>
public sealed class PersonalCopyTests
{
    [Fact]
    public async Task Each_recipient_gets_a_link_of_their_own_and_a_signature_that_is_good()
    {
        var keys = new SigningPair();
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, keys.Signer);

        var message = await delivery.AcceptAsync(Personal(delivery, "a@remote.test", "b@remote.test"));
        await delivery.SettledAsync(2);

        Assert.Equal(2, remote.Messages.Count);
        Assert.All(remote.Messages, mail => Assert.Equal((2, 2), keys.CheckWithMimeKit(mail.Content)));
        Assert.All(remote.Messages, mail => Assert.EndsWith(A.Body, mail.Text, StringComparison.Ordinal));
        Assert.Equal(
            remote.Messages.Select(mail => new Unsubscription("default", message.Id, RecipientOf(mail), "news")),
            remote.Messages.Select(mail => delivery.ClaimIn(mail.Text)));
        Assert.Equal(["a@remote.test", "b@remote.test"], remote.Messages.Select(mail => RecipientOf(mail)).Order());
    }

    [Fact]
    public async Task Each_attempt_sends_the_same_octets()
    {
        var keys = new SigningPair();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.EndOfData, RemoteAnswer.Close));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, keys.Signer);
        await delivery.AcceptAsync(Personal(delivery, "a@remote.test"));
        await delivery.SettledAsync(1);

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync(2)).Events[0].Type);

        Assert.Equal(remote.Messages[0].Wire, remote.Messages[1].Wire);
    }

    [Fact]
    public async Task Each_attempt_sends_the_same_octets_though_all_keys_are_replaced_between_them()
    {
        var (first, next) = (new SigningPair(), new SigningPair());
        var rotatedAt = DeliveryUnderTest.Began.AddSeconds(10);
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.EndOfData, RemoteAnswer.Close));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, new RotatedSigner(first.Signer, rotatedAt, next.Signer));
        var tokens = delivery.Part<MailTokens>();
        tokens.Use([.. tokens.Keys, new TokenKey(1, new byte[TokenKey.SecretBytes], rotatedAt)]);
        await delivery.AcceptAsync(Personal(delivery, "a@remote.test"));
        await delivery.SettledAsync(1);

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync(2)).Events[0].Type);

        Assert.Equal((2, 2), first.CheckWithMimeKit(remote.Messages[1].Content));
        Assert.Equal(remote.Messages[0].Wire, remote.Messages[1].Wire);
    }

    [Fact]
    public async Task With_a_test_key_the_inbox_shows_the_copy()
    {
        await using var delivery = await DeliveryUnderTest.StartAsync();
        var message = Personal(delivery, "a@remote.test") with { Mode = MessageMode.Test };
        await delivery.SendAsync(message);

        var raw = await delivery.Inbox.ReadRawAsync("default", message.Id, TestContext.Current.CancellationToken);

        var claim = delivery.ClaimIn(Encoding.ASCII.GetString(raw!.Value.Span));
        Assert.Equal(("a@remote.test", MessageMode.Test), (claim.Address, claim.Mode));
    }

    [Fact]
    public async Task A_field_that_the_sender_wrote_is_not_written_again()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, new SigningPair().Signer);
        var message = Personal(delivery, "a@remote.test");
        byte[] head = [.. "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"u8, .. message.Content.Head.Span];
        await delivery.AcceptAsync(message with { Content = message.Content with { Head = head, Length = message.Content.Length + head.Length - message.Content.Head.Length } });
        await delivery.SettledAsync(1);

        Assert.Equal(2, Assert.Single(remote.Messages).Text.Split("\nList-Unsubscribe-Post:").Length);
    }

    private static string RecipientOf(ReceivedMail mail) => mail.RcptTo.Single().Split('<', '>')[1];

    private static Message Personal(DeliveryUnderTest delivery, params string[] recipients)
    {
        var message = A.Message(delivery.Time, recipients);
        return message with
        {
            Class = MessageClass.Bulk,
            Stream = "news",
            Alignment = new Alignment(SigningPair.Domain, null),
            Content = message.Content with { BodyHash = BodyDigest.Of(message.Content.Head.Span[BodyDigest.StartOfBody(message.Content.Head.Span)..]) },
        };
    }
}
