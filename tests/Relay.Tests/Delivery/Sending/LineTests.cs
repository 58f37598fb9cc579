using System.Runtime.CompilerServices;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

public sealed class LineTests
{
    [Fact]
    public async Task A_connection_keeps_nothing_of_the_mail_that_it_was_opened_for()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var plan = delivery.Part<RouteTable>().Find("remote.test")!;
        var site = delivery.Part<CourierOffice>().NewSite(plan, delivery.Part<ProviderDirectory>().Join(plan), _ => { });
        var line = new Line(site, delivery.Part<CourierOffice>());

        var attempt = await OpenTwiceAsync(line, delivery.Time);

        // Whoever was awaited may still stand below this on the stack.
        await Task.Yield();
        for (var i = 0; i < 10 && attempt.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.NotNull(line.Connection);
        Assert.False(attempt.IsAlive);
        await line.DropAsync(politely: false);
    }

    // Elsewhere, so that nothing of it is left on the stack.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> OpenTwiceAsync(Line line, TimeProvider time)
    {
        var message = A.Message(time, "a@remote.test");
        var attempt = new Attempt(
            new Lease
            {
                Message = message,
                Unit = new Unit(new UnitId(message.Id, 0), Lane.Of(message, "remote.test"), [0]),
                State = new UnitState { Attempts = 1, Open = [new OpenRecipient(0, "") { MayHaveBeenDelivered = true }], UncertainHost = "gone.test" },
            },
            leftOut: null);
        Assert.Null(await line.OpenAsync(attempt));
        var connection = line.Connection;

        // The host to try first was tried: it need not be tried again.
        Assert.Null(await line.OpenAsync(attempt));
        Assert.Same(connection, line.Connection);
        return new WeakReference(attempt);
    }
}
