using Relay.Mail.Accounts;

namespace Relay.TestKit.InMemory;

/// <summary>What was accepted, counted anew each time.</summary>
public sealed partial class InMemoryMailQueue : IUsageReader
{
    private int _usageLooks;

    /// <summary>How often it was asked for.</summary>
    public int UsageLooks => Volatile.Read(ref _usageLooks);

    public ValueTask<UsedUp> ReadAsync(string account, string? credential, DateOnly day, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Interlocked.Increment(ref _usageLooks);
        var counted = Accepted
            .Where(m => m.Account == account && (credential is null || m.Credential == credential))
            .Select(m => (Day: UsedUp.DayOf(m), Recipients: (long)UsedUp.By(m)))
            .Where(m => m.Day.Year == day.Year && m.Day.Month == day.Month)
            .ToList();
        return ValueTask.FromResult(new UsedUp(counted.Where(m => m.Day == day).Sum(m => m.Recipients), counted.Sum(m => m.Recipients)));
    }
}
