using System.Security.Cryptography;
using Relay.Mail.Messages;
using Relay.Redis.Nodes;

namespace Relay.Redis.Queue;

/// <summary>
/// Chooses the slot of new mail: the same one for a moment, then another at random. Mail that comes together stands in one
/// partition then, and the steps that accept it, settle it and project it have a third of the commands.
/// </summary>
internal sealed class SlotChoice(Store store, NodeRegistry nodes, TimeProvider time)
{
    // Some dozen sessions fill one step in it; over a second all partitions get their part.
    private static readonly TimeSpan Kept = TimeSpan.FromMilliseconds(5);

    // So a burst does not make one partition's records long.
    private const int MostMessages = 64;

    // Of a hundred nodes each finds a partition of its own in most cases; where it does not, the mail is read back by its owner.
    private const int Tried = 128;

    private readonly Lock _lock = new();
    private int _slot;
    private long _chosenAt;
    private bool _wasServed;
    private int _given = MostMessages;

    public int Choose()
    {
        lock (_lock)
        {
            // A node that only takes mail in serves none: to it all are alike.
            if (++_given > MostMessages || time.GetElapsedTime(_chosenAt) >= Kept || (_wasServed && !Serves(_slot)))
            {
                _slot = ChooseAnew();
                _wasServed = Serves(_slot);
                _chosenAt = time.GetTimestamp();
                _given = 1;
            }

            return _slot;
        }
    }

    private int ChooseAnew()
    {
        var slot = RandomNumberGenerator.GetInt32(MessageId.Slots);
        for (var attempt = 0; attempt < Tried && !Serves(slot); attempt++)
        {
            slot = RandomNumberGenerator.GetInt32(MessageId.Slots);
        }

        return slot;
    }

    // Alone, a node serves all it does not have to give away; and before it has any, each is as good. One on a shard that is away is
    // not: who sends would have to come again.
    private bool Serves(int slot) =>
        !store.IsOpen || (store.PartitionOfSlot(slot) is { IsServed: true } partition ? !partition.IsAway(time.GetTimestamp()) : !nodes.HasPeers);
}
