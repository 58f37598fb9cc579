using Microsoft.Extensions.Time.Testing;

namespace Relay.Tests.Delivery;

/// <summary>A clock whose timers cannot be set to one certain wait: a mistake of ours in the midst of whatever waits so long.</summary>
internal sealed class TroubledTime(TimeSpan fails) : FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero))
{
    public const string Words = "as the test wants it";

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new TroubledTimer(base.CreateTimer(callback, state, dueTime, period), fails);

    private sealed class TroubledTimer(ITimer timer, TimeSpan fails) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) =>
            dueTime == fails ? throw new InvalidOperationException(Words) : timer.Change(dueTime, period);

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
