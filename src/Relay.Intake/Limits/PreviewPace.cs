using Microsoft.Extensions.Options;
using Relay.Intake.Admission;

namespace Relay.Intake.Limits;

/// <summary>
/// Bounds how often an account has templates rendered for nothing: mail that is sent is bounded by its rates and quotas, a preview
/// costs as much and by none of them. Each node counts for itself.
/// </summary>
internal sealed class PreviewPace(IOptions<LimitOptions> options, TimeProvider time)
{
    // Who is forgotten may ask as often anew.
    private const int Remembered = 10_000;

    private readonly Lock _lock = new();
    private readonly LeakyCount<string> _byAccount = new(options.Value.PreviewsPerMinute, TimeSpan.FromMinutes(1), Remembered);

    /// <summary>Null when the account may have one now; it counts. Else how long until it may.</summary>
    public TimeSpan? Take(string account)
    {
        lock (_lock)
        {
            return _byAccount.Add(account, time.GetTimestamp(), time);
        }
    }
}
