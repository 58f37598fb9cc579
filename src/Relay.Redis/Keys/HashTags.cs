namespace Relay.Redis.Keys;

/// <summary>
/// The hash tags of a store's partitions. A cluster gives each shard an equal range of slots, so each tag is the first
/// short word whose slot is the centre of its partition's equal part of them: partitions then spread over any number of
/// shards as evenly as they can. Tags such as <c>{p00}</c> do not; two shards in sixteen would stay empty.
/// </summary>
internal static class HashTags
{
    private const int Slots = 16_384;
    private const string Digits = "0123456789abcdefghijklmnopqrstuvwxyz";

    /// <summary>The tags of a store with so many partitions. Never changes for a given number: keys are made of them.</summary>
    public static string[] For(int partitions)
    {
        var tags = new string?[partitions];
        var missing = partitions;
        for (var candidate = 0; missing > 0; candidate++)
        {
            var word = Word(candidate);
            var slot = SlotOf(word);
            var partition = slot * partitions / Slots;
            if (tags[partition] is null && slot == Centre(partition, partitions))
            {
                tags[partition] = word;
                missing--;
            }
        }

        return tags!;
    }

    /// <summary>The cluster slot of a key or tag: CRC16 (XMODEM) modulo 16,384.</summary>
    public static int SlotOf(string tag)
    {
        var crc = 0;
        foreach (var c in tag)
        {
            crc ^= c << 8;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
            }

            crc &= 0xffff;
        }

        return crc % Slots;
    }

    // The centre is on the same side however the borders between shards are rounded.
    private static int Centre(int partition, int partitions) => ((2 * partition) + 1) * Slots / (2 * partitions);

    private static string Word(int number)
    {
        Span<char> word = stackalloc char[8];
        var start = word.Length;
        do
        {
            word[--start] = Digits[number % Digits.Length];
            number /= Digits.Length;
        }
        while (number > 0);

        return word[start..].ToString();
    }
}
