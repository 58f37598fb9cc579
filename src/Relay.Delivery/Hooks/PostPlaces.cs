namespace Relay.Delivery.Hooks;

/// <summary>
/// Places for posts under way: one for each account, and so many for all. An account's own comes first, so that what waits
/// for a slow program holds no place that others could have.
/// </summary>
internal sealed class PostPlaces(int forAll)
{
    private readonly SemaphoreSlim _all = new(forAll);
    private readonly Lock _lock = new();

    // Only of accounts that have or want one.
    private readonly Dictionary<string, Own> _own = new(StringComparer.Ordinal);

    public int Accounts
    {
        get
        {
            lock (_lock)
            {
                return _own.Count;
            }
        }
    }

    public async Task TakeAsync(string account, CancellationToken cancellation)
    {
        var own = Want(account);
        try
        {
            await own.Place.WaitAsync(cancellation);
            try
            {
                await _all.WaitAsync(cancellation);
            }
            catch
            {
                own.Place.Release();
                throw;
            }
        }
        catch
        {
            Unwant(account, own);
            throw;
        }
    }

    public void GiveBack(string account)
    {
        _all.Release();
        Own own;
        lock (_lock)
        {
            own = _own[account];
        }

        own.Place.Release();
        Unwant(account, own);
    }

    private Own Want(string account)
    {
        lock (_lock)
        {
            if (!_own.TryGetValue(account, out var own))
            {
                _own[account] = own = new Own();
            }

            own.Wanted++;
            return own;
        }
    }

    private void Unwant(string account, Own own)
    {
        lock (_lock)
        {
            if (--own.Wanted == 0)
            {
                _own.Remove(account);
            }
        }
    }

    private sealed class Own
    {
        public SemaphoreSlim Place { get; } = new(1);

        /// <summary>By how many, the one who has it included.</summary>
        public int Wanted { get; set; }
    }
}
