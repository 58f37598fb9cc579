using Microsoft.Extensions.Time.Testing;
using Relay.TestKit.Smtp;

namespace Relay.Tests.Intake.Smtp;

/// <summary>How long a client may let us wait, on a clock that the test moves.</summary>
public sealed class PatienceTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Who_says_nothing_for_five_minutes_is_parted_from()
    {
        await using var door = await DoorUnderTest.StartAsync(time: _time);
        await using var client = await door.GreetAsync();

        _time.Advance(TimeSpan.FromMinutes(4.9));
        await client.Says("NOOP", expect: "250 ");
        await AdvanceUntil(client.Expects("421 4.4.2 Idle"), TimeSpan.FromMinutes(1));
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task A_client_that_never_spoke_is_parted_from_too()
    {
        await using var door = await DoorUnderTest.StartAsync(time: _time);
        await using var client = await door.ConnectAsync();
        await client.Expects("220 ");

        await AdvanceUntil(client.Expects("421 4.4.2 "), TimeSpan.FromMinutes(1));
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task Dripping_a_command_gains_no_time()
    {
        await using var door = await DoorUnderTest.StartAsync(time: _time);
        await using var client = await door.GreetAsync();

        // The time may begin only after some of it, when the door has got as far.
        var farewell = client.Expects("421 4.4.2 Idle");
        while (!farewell.IsCompleted)
        {
            await client.SendsRaw("x");
            _time.Advance(TimeSpan.FromSeconds(10));
            await Task.WhenAny(farewell, Task.Delay(5, TestContext.Current.CancellationToken));
        }

        await farewell;
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task Dripping_a_content_is_cut_off()
    {
        await using var door = await DoorUnderTest.StartAsync(time: _time);
        await using var client = await door.BeginContentAsync();

        var farewell = client.Expects("421 4.4.2 Data comes too slowly");
        for (var i = 0; i < 31; i++)
        {
            await client.SendsRaw("x");
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        await AdvanceUntil(farewell, TimeSpan.FromSeconds(10));
        await client.ExpectsEnd();
        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task Dripping_a_login_gains_no_time()
    {
        await using var door = await DoorUnderTest.StartAsync(time: _time);
        await using var client = await door.GreetAsync();
        await client.Says("AUTH PLAIN", expect: "334 ");

        await client.SendsRaw("AGZ");
        await AdvanceUntil(client.Expects("421 4.4.2 Idle"), TimeSpan.FromMinutes(1));
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task Inside_TLS_the_farewell_still_arrives()
    {
        await using var door = await DoorUnderTest.StartAsync(time: _time);
        await using var client = await SmtpConversation.ConnectTlsAsync(door.Implicit, TestContext.Current.CancellationToken);
        await client.Expects("220 ");
        await client.Says("EHLO client.test", expect: "250 ");

        await AdvanceUntil(client.Expects("421 4.4.2 Idle"), TimeSpan.FromMinutes(1));
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task A_session_ends_however_busy_it_is()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.SessionTimeout = TimeSpan.FromMinutes(10), _time);
        await using var client = await door.LogInAsync();

        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromMinutes(3));
            await client.Says("NOOP", expect: "250 ");
        }

        await AdvanceUntil(client.Expects("421 4.4.2 Session"), TimeSpan.FromMinutes(1.1));
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task A_stop_parts_from_those_that_wait_for_us()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var idle = await door.LogInAsync();
        await using var between = await door.LogInAsync();
        await between.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");

        var stop = door.StopAsync();
        await idle.Expects("421 4.3.2 ");
        await idle.ExpectsEnd();
        await between.Expects("421 4.3.2 ");
        await between.ExpectsEnd();
        await stop;
    }

    [Fact]
    public async Task A_stop_lets_a_content_come_to_its_end()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var idle = await door.LogInAsync();
        await using var client = await door.BeginContentAsync();
        await client.SendsRaw("From: shop@sender.test\r\n");

        var stop = door.StopAsync();
        // The idle one hears of it, so the stop is on its way.
        await idle.Expects("421 4.3.2 ");
        await client.SendsRaw("\r\nbody\r\n.\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");
        await client.Expects("421 4.3.2 ");
        await client.ExpectsEnd();
        await stop;

        Assert.Equal("From: shop@sender.test\r\n\r\nbody\r\n", door.TheContent);
    }

    // What the client sent may be on its way, so the clock may have to move more than once; each step is far below what the test is about.
    private async Task AdvanceUntil(Task answer, TimeSpan step)
    {
        while (!answer.IsCompleted)
        {
            _time.Advance(step);
            await Task.WhenAny(answer, Task.Delay(5, TestContext.Current.CancellationToken));
        }

        await answer;
    }
}
