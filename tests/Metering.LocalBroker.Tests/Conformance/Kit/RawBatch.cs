using System.Numerics;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>A record batch of magic 2 as a test wants it, right or wrong.</summary>
internal sealed record RawBatch
{
    public long ProducerId { get; init; } = -1;

    public short Epoch { get; init; } = -1;

    public int Sequence { get; init; } = -1;

    public bool IsTransactional { get; init; }

    public IReadOnlyList<string> Values { get; init; } = ["value"];

    /// <summary>What is wrong with it: flips a bit behind the checksum.</summary>
    public bool IsDamaged { get; init; }

    public byte[] ToArray()
    {
        var records = new RawWriter();
        for (var i = 0; i < Values.Count; i++)
        {
            var value = System.Text.Encoding.UTF8.GetBytes(Values[i]);
            var record = new RawWriter().Int8(0).VarInt(0).VarInt(i).VarInt(-1).VarInt(value.Length).Raw(value).VarInt(0);
            records.VarInt(record.Length).Raw(record);
        }
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var summed = new RawWriter()
            .Int16(IsTransactional ? (short)0x10 : (short)0).Int32(Values.Count - 1).Int64(now).Int64(now)
            .Int64(ProducerId).Int16(Epoch).Int32(Sequence).Int32(Values.Count).Raw(records)
            .ToArray();
        var checksum = Checksum(summed);
        if (IsDamaged)
            summed[^2] ^= 4;
        return new RawWriter().Int64(0).Int32(4 + 1 + 4 + summed.Length).Int32(-1).Int8(2).Int32((int)checksum).Raw(summed).ToArray();
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        foreach (var value in bytes)
            sum = BitOperations.Crc32C(sum, value);
        return ~sum;
    }

    /// <summary>Sends records to partition 0 with Produce version 7.</summary>
    /// <returns>The error and the first record's offset.</returns>
    public static async Task<(int Error, long Offset)> ProduceAsync(RawConnection connection, string topic, byte[] records, short acks = -1, string? transactionalId = null)
    {
        var answer = await connection.CallAsync(0, 7, new RawWriter().String(transactionalId).Int16(acks).Int32(10_000).Int32(1).String(topic).Int32(1).Int32(0).Bytes(records));
        Assert.Equal(1, answer.Int32());
        Assert.Equal(topic, answer.String());
        Assert.Equal(1, answer.Int32());
        Assert.Equal(0, answer.Int32());
        return (answer.Int16(), answer.Int64());
    }

    /// <summary>Whether each partition answers for its end (ListOffsets version 1), which its leader does once it serves.</summary>
    public static async Task<bool> IsServedAsync(RawConnection connection, string topic, int partitions)
    {
        var body = new RawWriter().Int32(-1).Int32(1).String(topic).Int32(partitions);
        for (var partition = 0; partition < partitions; partition++)
            body.Int32(partition).Int64(-1);
        var answer = await connection.CallAsync(2, 1, body);
        Assert.Equal(1, answer.Int32());
        Assert.Equal(topic, answer.String());
        Assert.Equal(partitions, answer.Int32());
        var served = true;
        for (var partition = 0; partition < partitions; partition++)
        {
            answer.Int32();
            served &= answer.Int16() == 0;
            answer.Int64();
            answer.Int64();
        }
        return served;
    }

    /// <summary>A producer id and epoch of its own (InitProducerId version 1).</summary>
    public static async Task<(short Error, long ProducerId, short Epoch)> InitProducerAsync(RawConnection connection, string? transactionalId = null, int timeoutMs = 60_000)
    {
        for (var deadline = Until.In(BrokerFixture.Patience); ; await Task.Delay(50))
        {
            var answer = await connection.CallAsync(22, 1, new RawWriter().String(transactionalId).Int32(timeoutMs));
            answer.Int32();
            var found = (Error: answer.Int16(), answer.Int64(), answer.Int16());
            // A coordinator that loads, or that still ends the transaction before: a client asks again.
            if (found.Error is not (14 or 15 or 16 or 51) || deadline.IsOver)
                return found;
        }
    }
}
