using Relay.Redis.Keys;

namespace Relay.Tests.Redis.Keys;

public sealed class HashTagsTests
{
    [Fact]
    public void A_slot_is_the_crc_that_the_cluster_specification_gives() => Assert.Equal(0x31C3, HashTags.SlotOf("123456789"));

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(1024)]
    public void Partitions_spread_evenly_over_one_to_sixteen_shards(int partitions)
    {
        var slots = HashTags.For(partitions).Select(HashTags.SlotOf).ToList();

        for (var shards = 1; shards <= 16; shards++)
        {
            var perShard = slots.CountBy(slot => slot * shards / 16_384).ToDictionary();
            Assert.Equal(shards, perShard.Count);
            Assert.True(perShard.Values.Max() - perShard.Values.Min() <= 1, $"{partitions} partitions on {shards} shards: {string.Join(' ', perShard.Values)}");
        }
    }

    [Fact]
    public void Tags_never_change_since_keys_are_made_of_them() =>
        Assert.Equal(
            "8yc mws pt6 4x6 8ha eoi 4mt 4i4 265 22u c0h 6zp gio 5f 6o2 6kr",
            string.Join(' ', HashTags.For(16)));

    [Fact]
    public void No_two_partitions_share_a_tag() => Assert.Equal(1024, HashTags.For(1024).Distinct().Count());
}
