using System.Security.Cryptography;
using Relay.Intake.Admission;

namespace Relay.Intake.Smtp;

/// <summary>Counts the wrong keys of one session. Some clients try the same one with each mechanism in turn: that is one mistake, not several.</summary>
internal sealed class FailedLogins(int limit)
{
    private byte[]? _last;
    private int _count;

    /// <summary>Notes a wrong key; false when it was one too many.</summary>
    public bool MayGoOnAfter(string key)
    {
        // The hash, so that a key that is right elsewhere does not stay in memory.
        var hash = ApiKey.Hash(key);
        if (_last is null || !CryptographicOperations.FixedTimeEquals(_last, hash))
        {
            _last = hash;
            _count++;
        }

        return _count < limit;
    }
}
