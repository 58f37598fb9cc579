namespace Relay.Mail.Tokens;

/// <summary>Keeps the keys of tokens for all nodes. May throw <see cref="Queue.StoreUnavailableException"/>.</summary>
public interface ITokenKeyStore
{
    ValueTask<IReadOnlyList<KeptTokenKey>> ListAsync(CancellationToken cancellation);

    /// <summary>False when there is a key of this number already: another node was first.</summary>
    ValueTask<bool> TryAddAsync(KeptTokenKey key, CancellationToken cancellation);
}

/// <summary>A key as it stands in the store.</summary>
/// <param name="Secret">As <see cref="Signing.KeySeal"/> sealed it; empty where the store cannot read it any more.</param>
public sealed record KeptTokenKey(int Number, byte[] Secret, DateTimeOffset From);
