namespace Relay.Mail.Accounts;

/// <summary>Single addresses that accounts send as. Every call may throw <see cref="Queue.StoreUnavailableException"/>; changes are told by <see cref="IAccountStore.Changed"/>.</summary>
public interface ISenderStore
{
    /// <param name="address">As <see cref="VerifiedSender.Address"/>.</param>
    ValueTask<VerifiedSender?> FindAsync(string account, string address, CancellationToken cancellation);

    ValueTask<IReadOnlyList<VerifiedSender>> ListAsync(string account, CancellationToken cancellation);

    /// <summary>False when the account has it already.</summary>
    ValueTask<bool> TryAddAsync(VerifiedSender sender, CancellationToken cancellation);

    /// <summary>
    /// Changes it as it stands in the store at that moment; where another changes it at the same time <paramref name="change"/>
    /// runs again. Null from it leaves it as it is.
    /// </summary>
    /// <returns>Null when there is none, or nothing was changed.</returns>
    ValueTask<VerifiedSender?> ChangeAsync(string account, string address, Func<VerifiedSender, VerifiedSender?> change, CancellationToken cancellation);

    ValueTask RemoveAsync(string account, string address, CancellationToken cancellation);
}
