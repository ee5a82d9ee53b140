using System.Buffers.Binary;

namespace Metering.LocalBroker.Log;

/// <summary>The control batch that ends a transaction in a partition: one record, key (version 0, type 0 abort or 1 commit), value (version
/// 0, coordinator epoch 0).</summary>
internal static class ControlBatch
{
    public const int Bytes = RecordBatch.HeaderBytes + 17;

    public static void Write(Span<byte> to, long offset, long producerId, short producerEpoch, bool commit, long nowMs)
    {
        var record = to[RecordBatch.HeaderBytes..Bytes];
        record.Clear();
        record[0] = 32; // length 16, zigzag
        // attributes, timestamp delta, offset delta: 0
        record[4] = 8; // key length 4
        record[8] = commit ? (byte)1 : (byte)0;
        record[9] = 12; // value length 6: version (2), coordinator epoch (4)
        // no headers
        RecordBatch.WriteHeader(
            to[..Bytes], offset, RecordBatch.TransactionalBit | RecordBatch.ControlBit, 0, nowMs, nowMs, producerId, producerEpoch, -1, 1);
        RecordBatch.SetCrc(to[..Bytes]);
    }

    public static bool IsCommit(in RecordBatch batch) =>
        batch.Records.Length >= 9 && BinaryPrimitives.ReadInt16BigEndian(batch.Records[7..]) == 1;
}
