using System.Buffers.Binary;

namespace Metering.Core.Sources;

/// <summary>
/// The hash by which Kafka's Java client, and ours by <c>partitioner=murmur2_random</c>, choose a keyed record's
/// partition (R5). Source: Apache Kafka, org.apache.kafka.common.utils.Utils.murmur2 (MurmurHash2, seed 0x9747b28c).
/// </summary>
public static class Murmur2
{
    private const uint Seed = 0x9747b28c;
    private const uint M = 0x5bd1e995;
    private const int R = 24;

    /// <summary>The partition of a key among <paramref name="partitions"/>.</summary>
    public static int PartitionOf(ReadOnlySpan<byte> key, int partitions) => (int)(Hash(key) & 0x7fffffff) % partitions;

    public static uint Hash(ReadOnlySpan<byte> key)
    {
        var hash = Seed ^ (uint)key.Length;
        for (; key.Length >= 4; key = key[4..])
        {
            var k = BinaryPrimitives.ReadUInt32LittleEndian(key) * M;
            hash = (hash * M) ^ ((k ^ (k >> R)) * M);
        }
        if (key.Length >= 3)
            hash ^= (uint)key[2] << 16;
        if (key.Length >= 2)
            hash ^= (uint)key[1] << 8;
        if (key.Length >= 1)
            hash = (hash ^ key[0]) * M;
        hash = (hash ^ (hash >> 13)) * M;
        return hash ^ (hash >> 15);
    }
}
