using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery;
using Relay.Delivery.Sending;
using Relay.Mail.Messages;

namespace Relay.Tests.Delivery.Sending;

public sealed class RetryScheduleTests
{
    private static readonly FakeTimeProvider Time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private static readonly DateTimeOffset Now = Time.GetUtcNow();

    [Fact]
    public void The_delays_grow_from_half_a_minute_to_four_hours_and_the_last_repeats()
    {
        string[] delays = ["00:00:30", "00:01", "00:02", "00:05", "00:10", "00:20", "00:40", "01:00", "02:00", "04:00", "04:00", "04:00"];

        Assert.Equal(delays.Select(TimeSpan.Parse), Enumerable.Range(1, 12).Select(attempts => Next(Message(), attempts, 0)!.Value - Now));
    }

    [Fact]
    public void Jitter_makes_a_retry_later_and_never_sooner()
    {
        Assert.Equal(TimeSpan.FromSeconds(30), Next(Message(), 1, 0)!.Value - Now);
        Assert.Equal(TimeSpan.FromSeconds(33), Next(Message(), 1, 1)!.Value - Now);
    }

    [Fact]
    public void A_wait_that_was_named_makes_a_retry_later_and_never_sooner()
    {
        Assert.Equal(TimeSpan.FromMinutes(5), Next(Message(), 1, 0, TimeSpan.FromMinutes(5))!.Value - Now);
        Assert.Equal(TimeSpan.FromMinutes(5.5), Next(Message(), 1, 1, TimeSpan.FromMinutes(5))!.Value - Now);
        Assert.Equal(TimeSpan.FromHours(4), Next(Message(), 10, 0, TimeSpan.FromMinutes(5))!.Value - Now);
    }

    [Fact]
    public void The_last_attempt_is_brought_forward_to_fall_before_the_expiry()
    {
        var message = Message() with { ExpiresAt = Now + TimeSpan.FromMinutes(10) };

        Assert.Equal(Now + TimeSpan.FromMinutes(9.5), Next(message, 6, 0));
    }

    [Fact]
    public void A_message_is_given_up_when_no_attempt_fits_before_its_expiry()
    {
        Assert.Null(Next(Message() with { ExpiresAt = Now + TimeSpan.FromSeconds(40) }, 2, 0));
        Assert.Null(Next(Message() with { AcceptedAt = Now - TimeSpan.FromDays(5) }, 12, 0));
    }

    [Fact]
    public void The_default_expiry_never_comes_before_a_few_attempts()
    {
        var old = Message() with { AcceptedAt = Now - TimeSpan.FromDays(30) };

        Assert.NotNull(Next(old, 1, 0));
        Assert.NotNull(Next(old, 2, 0));
        Assert.Null(Next(old, 3, 0));
    }

    [Fact]
    public void A_time_that_the_message_names_itself_comes_when_it_comes()
    {
        Assert.Null(Next(Message() with { ExpiresAt = Now - TimeSpan.FromSeconds(1) }, 1, 0));
    }

    [Fact]
    public void The_expiry_counts_from_the_time_the_message_was_scheduled_for()
    {
        var message = Message() with { AcceptedAt = Now - TimeSpan.FromDays(10), SendAt = Now - TimeSpan.FromDays(1) };

        Assert.NotNull(Next(message, 20, 0));
    }

    [Fact]
    public void A_configured_schedule_takes_the_place_of_the_default()
    {
        var schedule = new RetrySchedule(Options.Create(new DeliveryOptions { Retry = { Schedule = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)] } }));

        Assert.Equal([1, 2, 2], Enumerable.Range(1, 3).Select(a => (schedule.NextAttempt(Message(), a, Now, null, 0)!.Value - Now).TotalSeconds));
    }

    private static DateTimeOffset? Next(Message message, int attempts, double lot, TimeSpan? wait = null) =>
        new RetrySchedule(Options.Create(new DeliveryOptions())).NextAttempt(message, attempts, Now, wait, lot);

    private static Message Message() => A.Message(Time, "a@remote.test");
}
