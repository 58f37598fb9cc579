namespace Relay.Intake.Smtp;

/// <summary>What one mail has taken of its account's <see cref="RoutedOctets"/> while it arrived.</summary>
internal sealed class RoutedShare(RoutedOctets all, string account)
{
    public string Account => account;

    /// <summary>All that was taken.</summary>
    public long Taken { get; private set; }

    /// <summary>For <see cref="RoutedOctets"/> alone, under its lock: what was taken in the minute that began then.</summary>
    internal long OfMinute { get; set; }

    internal long Since { get; set; }

    /// <summary>Takes so many octets more; false when there is no room for them, and then nothing is taken.</summary>
    public bool TryTake(long octets)
    {
        if (!all.TryTake(this, octets))
        {
            return false;
        }

        Taken += octets;
        return true;
    }

    /// <summary>The mail is not kept.</summary>
    public void GiveBack()
    {
        all.GiveBack(this);
        Taken = 0;
    }
}
