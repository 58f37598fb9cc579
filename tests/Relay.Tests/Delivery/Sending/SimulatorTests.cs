using Relay.Delivery;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>Mail to simulator.test: the true path with a played end.</summary>
public sealed class SimulatorTests
{
    [Theory]
    [InlineData("delivered", MailEventType.Delivered, null)]
    [InlineData("Delivered+42", MailEventType.Delivered, null)]
    [InlineData("bounce", MailEventType.Bounced, null)]
    [InlineData("bounce+suppress", MailEventType.Bounced, true)]
    [InlineData("bounce+suppress.42", MailEventType.Bounced, true)]
    [InlineData("somebody", MailEventType.Bounced, null)]
    public async Task Each_address_has_its_end_and_nothing_leaves_the_machine(string name, MailEventType end, bool? suppresses)
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var happened = Assert.Single(await delivery.SendAsync($"{name}@simulator.test"));

        Assert.Equal((end, suppresses, "simulator", 1), (happened.Type, happened.Suppresses, happened.Host, happened.Attempt));
        Assert.Contains("simulat", happened.Reply, StringComparison.Ordinal);
        Assert.Empty(remote.Sessions);
    }

    [Fact]
    public async Task What_is_put_off_is_taken_at_the_next_attempt()
    {
        await using var delivery = await DeliveryUnderTest.StartAsync();
        Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync("defer@simulator.test"))[0].Type);

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);

        Assert.Equal((MailEventType.Delivered, 2), ((await delivery.SettledAsync(2)).Events[0].Type, delivery.Queue.Settlements[1].Events[0].Attempt));
    }

    [Fact]
    public async Task A_slow_one_takes_its_time()
    {
        await using var delivery = await DeliveryUnderTest.StartAsync();
        var began = delivery.Time.GetUtcNow();
        await delivery.AcceptAsync("slow@simulator.test");

        await delivery.AdvanceUntilSettledAsync(TimeSpan.FromSeconds(1));

        var taken = delivery.Queue.Settlements[0].Events[0];
        Assert.Equal(MailEventType.Delivered, taken.Type);
        Assert.True(taken.Time - began >= TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData("complaint", false)]
    [InlineData("complaint+suppress", true)]
    public async Task A_complaint_follows_the_delivery_and_suppresses_only_who_asked_for_it(string name, bool suppresses)
    {
        await using var delivery = await DeliveryUnderTest.StartAsync();

        var events = await delivery.SendAsync(A.Message(delivery.Time, $"{name}@simulator.test") with { Stream = "news" });

        Assert.Equal([MailEventType.Delivered, MailEventType.Complained], events.Select(happened => happened.Type));
        var held = Suppression.From(events[1]);
        Assert.Equal(suppresses, held is { Stream: "news", Reason: SuppressionReason.Complaint });
        Assert.Equal(suppresses, held is not null);
    }

    [Fact]
    public async Task Several_in_one_message_have_each_their_own_end()
    {
        await using var delivery = await DeliveryUnderTest.StartAsync();

        var events = await delivery.SendAsync("delivered@simulator.test", "bounce@simulator.test", "defer@simulator.test");

        Assert.Equal([MailEventType.Delivered, MailEventType.Bounced, MailEventType.Deferred], events.Select(happened => happened.Type));
        Assert.Single(delivery.Queue.Settlements[0].Next!.Open);
        Assert.Equal("bounce@simulator.test", delivery.Reports.Asked.Single().Original.Envelope.Recipients[delivery.Reports.Asked.Single().Failures.Single().Index].Address.Text);
    }

    [Fact]
    public async Task With_a_test_key_it_ends_the_same_way_and_stands_in_the_inbox()
    {
        await using var delivery = await DeliveryUnderTest.StartAsync();
        var message = A.Message(delivery.Time, "bounce@simulator.test") with { Mode = MessageMode.Test };

        Assert.Equal(MailEventType.Bounced, (await delivery.SendAsync(message))[0].Type);

        Assert.NotNull(await delivery.Inbox.FindAsync("default", message.Id, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(MessageMode.Live)]
    [InlineData(MessageMode.Test)]
    public async Task Who_is_suppressed_is_not_even_simulated(MessageMode mode)
    {
        await using var delivery = await DeliveryUnderTest.StartAsync();
        await delivery.Suppressions.AddAsync(
            "default",
            [new Suppression { Address = Suppression.KeyOf(EnvelopeAddress.Parse("bounce+suppress@simulator.test")), Reason = SuppressionReason.Bounce, Since = delivery.Time.GetUtcNow() }],
            TestContext.Current.CancellationToken);

        var dropped = Assert.Single(await delivery.SendAsync(A.Message(delivery.Time, "bounce+suppress@simulator.test") with { Mode = mode }));

        Assert.Equal((MailEventType.Suppressed, DeliveryRules.Suppressed), (dropped.Type, dropped.Rule));
    }
}
