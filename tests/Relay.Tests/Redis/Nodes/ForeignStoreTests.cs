using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Journal;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Nodes;

/// <summary>In a store that is another than it was no unit is found, and what is known of one is not to be forgotten for that.</summary>
// Of itself it has no turn while the test lasts.
public sealed class ForeignStoreTests() : BehindShim(("Queue:Lease", "00:10:00"))
{
    private KnownAttempts Known => Store.Get<KnownAttempts>();

    [Fact]
    public async Task Outcomes_are_kept_while_the_store_is_another_than_at_the_start()
    {
        await Redis.AskAsync(Cancellation, "HSET", "relay:other", "id", "another", "partitions", "16");
        await IsKeptWhileAsync(command => command[0] == "HMGET" && command[1] == StoreKeys.Store.ToString() ? [command[0], "relay:other", .. command[2..]] : null);
    }

    [Fact]
    public async Task Outcomes_are_kept_while_it_is_not_known_whether_the_partition_is_ours_behind_a_lost_connection()
    {
        var lease = PartitionOf(UnitOf()).Keys.Lease.ToString();
        await IsKeptWhileAsync(
            command => command is [_, var key, ..] && key == lease ? ["EVAL", "return redis.error_reply('LOADING Redis is loading')", "0"] : null,
            () => PartitionOf(UnitOf()).Doubt());
    }

    private static UnitId UnitOf() => new(MessageId.Create(Time, 3), 0);

    private Partition PartitionOf(UnitId unit) => Store.Store.PartitionOf(unit.Message);

    private async Task IsKeptWhileAsync(Func<string[], string[]?> instead, Action? then = null)
    {
        var ownership = Store.Get<Ownership>();
        Shim.Instead = instead;
        then?.Invoke();

        // One that had begun before is over behind it.
        await ownership.ClaimAsync();
        Known.Begin([new DoneEntry(UnitOf(), 0) { Events = [] }]);
        await ownership.ClaimAsync();
        Assert.True(Known.Any);

        // As soon as it is the same again it tells that there is no such unit.
        Shim.Instead = _ => null;
        await Eventually.HoldsAsync(
            async () =>
            {
                await ownership.ClaimAsync();
                return !Known.Any;
            },
            Cancellation);
    }
}
