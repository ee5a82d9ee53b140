using System.Buffers.Binary;
using Metering.Client.Spool;

namespace Metering.LocalBroker.Log;

/// <summary>A record batch of magic 2: its header's fields, at their places in the bytes. The checksum covers what lies behind it; offset
/// and leader epoch lie before it, so that a broker can set them.</summary>
internal readonly ref struct RecordBatch(ReadOnlySpan<byte> bytes)
{
    public const int HeaderBytes = 61;

    /// <summary>Offset and length, which every batch begins with, are not counted in the length.</summary>
    public const int PrefixBytes = 12;

    private const int LeaderEpochAt = 12;
    private const int MagicAt = 16;
    private const int CrcAt = 17;
    private const int AttributesAt = 21;
    private const int LastOffsetDeltaAt = 23;
    private const int BaseTimestampAt = 27;
    private const int MaxTimestampAt = 35;
    private const int ProducerIdAt = 43;
    private const int ProducerEpochAt = 51;
    private const int BaseSequenceAt = 53;
    private const int CountAt = 57;

    public const short CodecMask = 0x07;
    public const short LogAppendTimeBit = 0x08;
    public const short TransactionalBit = 0x10;
    public const short ControlBit = 0x20;

    /// <summary>The base timestamp is the time from which on tombstones may go (KIP-534).</summary>
    public const short DeleteHorizonBit = 0x40;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>How long the batch at the beginning of these bytes says that it is; at least 12 bytes are needed.</summary>
    public static long LengthAt(ReadOnlySpan<byte> bytes) => PrefixBytes + (long)BinaryPrimitives.ReadInt32BigEndian(bytes[8..]);

    public ReadOnlySpan<byte> Span => _bytes;

    public int Bytes => _bytes.Length;

    public long BaseOffset => BinaryPrimitives.ReadInt64BigEndian(_bytes);

    public byte Magic => _bytes[MagicAt];

    public short Attributes => BinaryPrimitives.ReadInt16BigEndian(_bytes[AttributesAt..]);

    public Codec Codec => (Codec)(Attributes & CodecMask);

    public bool IsTransactional => (Attributes & TransactionalBit) != 0;

    public bool IsControl => (Attributes & ControlBit) != 0;

    public bool IsLogAppendTime => (Attributes & LogAppendTimeBit) != 0;

    public bool HasDeleteHorizon => (Attributes & DeleteHorizonBit) != 0;

    public int LastOffsetDelta => BinaryPrimitives.ReadInt32BigEndian(_bytes[LastOffsetDeltaAt..]);

    public long LastOffset => BaseOffset + LastOffsetDelta;

    public long BaseTimestampMs => BinaryPrimitives.ReadInt64BigEndian(_bytes[BaseTimestampAt..]);

    public long MaxTimestampMs => BinaryPrimitives.ReadInt64BigEndian(_bytes[MaxTimestampAt..]);

    public long ProducerId => BinaryPrimitives.ReadInt64BigEndian(_bytes[ProducerIdAt..]);

    public bool HasProducer => ProducerId >= 0;

    public short ProducerEpoch => BinaryPrimitives.ReadInt16BigEndian(_bytes[ProducerEpochAt..]);

    public int BaseSequence => BinaryPrimitives.ReadInt32BigEndian(_bytes[BaseSequenceAt..]);

    /// <summary>Sequences go on at 0 behind the largest int.</summary>
    public int LastSequence => HasProducer && BaseSequence >= 0 ? Sequence.Add(BaseSequence, LastOffsetDelta) : -1;

    public int Count => BinaryPrimitives.ReadInt32BigEndian(_bytes[CountAt..]);

    public ReadOnlySpan<byte> Records => _bytes[HeaderBytes..];

    public bool HasValidCrc => BinaryPrimitives.ReadUInt32BigEndian(_bytes[CrcAt..]) == Crc32C.Of(_bytes[AttributesAt..]);

    /// <summary>Gives a batch its place in the log.</summary>
    public static void SetPlace(Span<byte> batch, long baseOffset)
    {
        BinaryPrimitives.WriteInt64BigEndian(batch, baseOffset);
        BinaryPrimitives.WriteInt32BigEndian(batch[LeaderEpochAt..], 0);
    }

    /// <summary>Sets kind and largest of the timestamps; the checksum then says so.</summary>
    public static void SetTimestamps(Span<byte> batch, bool logAppendTime, long maxTimestampMs)
    {
        var attributes = BinaryPrimitives.ReadInt16BigEndian(batch[AttributesAt..]);
        attributes = (short)(logAppendTime ? attributes | LogAppendTimeBit : attributes & ~LogAppendTimeBit);
        BinaryPrimitives.WriteInt16BigEndian(batch[AttributesAt..], attributes);
        BinaryPrimitives.WriteInt64BigEndian(batch[MaxTimestampAt..], maxTimestampMs);
        SetCrc(batch);
    }

    public static void SetCrc(Span<byte> batch) => BinaryPrimitives.WriteUInt32BigEndian(batch[CrcAt..], Crc32C.Of(batch[AttributesAt..]));

    public static void WriteHeader(
        Span<byte> batch, long baseOffset, short attributes, int lastOffsetDelta, long baseTimestampMs, long maxTimestampMs,
        long producerId, short producerEpoch, int baseSequence, int count)
    {
        BinaryPrimitives.WriteInt64BigEndian(batch, baseOffset);
        BinaryPrimitives.WriteInt32BigEndian(batch[8..], batch.Length - PrefixBytes);
        BinaryPrimitives.WriteInt32BigEndian(batch[LeaderEpochAt..], 0);
        batch[MagicAt] = 2;
        BinaryPrimitives.WriteInt16BigEndian(batch[AttributesAt..], attributes);
        BinaryPrimitives.WriteInt32BigEndian(batch[LastOffsetDeltaAt..], lastOffsetDelta);
        BinaryPrimitives.WriteInt64BigEndian(batch[BaseTimestampAt..], baseTimestampMs);
        BinaryPrimitives.WriteInt64BigEndian(batch[MaxTimestampAt..], maxTimestampMs);
        BinaryPrimitives.WriteInt64BigEndian(batch[ProducerIdAt..], producerId);
        BinaryPrimitives.WriteInt16BigEndian(batch[ProducerEpochAt..], producerEpoch);
        BinaryPrimitives.WriteInt32BigEndian(batch[BaseSequenceAt..], baseSequence);
        BinaryPrimitives.WriteInt32BigEndian(batch[CountAt..], count);
    }
}

internal enum Codec
{
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

/// <summary>Sequence numbers: 0 to the largest int, and on at 0.</summary>
internal static class Sequence
{
    public static int Add(int sequence, int count) => (int)(((long)sequence + count) & int.MaxValue);

    public static bool Follows(int next, int last) => next == (long)last + 1 || (next == 0 && last == int.MaxValue);
}
