namespace Relay.Intake.Http;

/// <summary>
/// Bounds the octets that requests hold in memory at a time. A quarter of them is an account's own; it may hold more as long as
/// a quarter stays free.
/// </summary>
internal sealed class OctetBudget(long most)
{
    // Whoever fills all it can and does not let go leaves a part to the next.
    private const int Parts = 4;

    private readonly long _most = most;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _accounts = [];
    private long _held;

    /// <summary>For one request; what it holds is given back with it.</summary>
    public Hold Open(string account) => new(this, account);

    internal sealed class Hold(OctetBudget budget, string account) : IDisposable
    {
        private long _mine;

        /// <summary>False where others hold the rest. One request alone always fits; its own limit bounds it.</summary>
        public bool TryGrow(long octets)
        {
            lock (budget._lock)
            {
                var ofAccount = budget._accounts.GetValueOrDefault(account);
                var part = budget._most / Parts;
                if (!Fits(budget._held, budget._most) || !(Fits(ofAccount, part) || Fits(budget._held, budget._most - part)))
                {
                    return false;
                }

                budget._accounts[account] = ofAccount + octets;
                budget._held += octets;
                _mine += octets;
                return true;
            }

            bool Fits(long held, long bound) => held + octets <= bound || held == _mine;
        }

        /// <summary>Gives some of it back before the rest.</summary>
        public void Shrink(long octets)
        {
            lock (budget._lock)
            {
                var left = budget._accounts.GetValueOrDefault(account) - octets;
                budget._held -= octets;
                _mine -= octets;
                if (left > 0)
                {
                    budget._accounts[account] = left;
                }
                else
                {
                    budget._accounts.Remove(account);
                }
            }
        }

        public void Dispose() => Shrink(_mine);
    }
}
