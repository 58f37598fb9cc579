using Microsoft.Extensions.Configuration;
using Relay.Redis.Connections;

namespace Relay.Redis.Repartition;

/// <summary>The offline change of a store's number of partitions, for the command line.</summary>
public static class RepartitionCommand
{
    // Nobody waits for an answer here, and a key may be large.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="relay">The <c>Relay</c> section: the same settings as the relays' own.</param>
    /// <exception cref="StoreRefusedException">The store cannot be reached, a relay runs on it, or the number cannot be.</exception>
    public static async Task<Repartitioned> RunAsync(IConfiguration relay, int partitions, CancellationToken cancellation)
    {
        var options = relay.Get<StoreOptions>() ?? new StoreOptions();
        if (options.IsEmbedded)
        {
            throw new StoreRefusedException("Relay:Redis names no store. The embedded store serves one relay, for which its partitions are enough");
        }

        try
        {
            await using var connections = await StoreConnections.OpenAsync(StoreConnections.Configure(options.Redis!, Patience, options.RedisTls), cancellation);
            return await new Repartitioner(connections, () => cancellation.ThrowIfCancellationRequested()).RunAsync(partitions, cancellation);
        }
        catch (Exception e) when (StoreFailure.Covers(e))
        {
            throw new StoreRefusedException($"{StoreFailure.Of(e).Reason} ({e.GetBaseException().Message}). Nothing is lost; run it again to go on", e);
        }
    }
}
