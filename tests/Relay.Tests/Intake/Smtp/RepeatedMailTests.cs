namespace Relay.Tests.Intake.Smtp;

/// <summary>Where it is wanted, a client that did not hear our 250 may send the same mail again.</summary>
public sealed class RepeatedMailTests
{
    [Theory]
    [InlineData(100)]
    [InlineData(400_000)]
    public async Task It_is_answered_as_the_first_was_and_sent_once(int octets)
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.RepeatsWithin = TimeSpan.FromMinutes(15));
        var body = string.Join("\r\n", Enumerable.Repeat(new string('x', 78), octets / 80));

        for (var time = 0; time < 2; time++)
        {
            await using var client = await door.LogInAsync();
            await client.Says("MAIL FROM:<a@sender.test>", expect: "250 ");
            await client.Says("RCPT TO:<b@there.test>", expect: "250 ");
            await client.Says("DATA", expect: "354 ");
            await client.Says($"From: a@sender.test\r\nMessage-ID: <1@sender.test>\r\n\r\n{body}\r\n.", expect: $"250 2.0.0 Ok: queued as {(time == 0 ? "" : door.TheMessage.Id)}");
        }

        Assert.Equal("1@sender.test", door.TheMessage.MessageIdHeader);
    }
}
