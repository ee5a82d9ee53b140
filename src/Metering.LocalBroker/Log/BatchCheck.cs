using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Log;

/// <summary>Whether what a producer sent is one whole, sound batch that its topic takes. Kafka's rules and error codes.</summary>
internal static class BatchCheck
{
    public static Outcome Check(ReadOnlySpan<byte> records, TopicConfig config, long nowMs)
    {
        if (records.Length < RecordBatch.PrefixBytes + 5)
            return new(ErrorCode.InvalidRecord, "a produce request must hold exactly one record batch for each partition");
        var batch = new RecordBatch(records);
        if (batch.Magic is not 2)
        {
            return batch.Magic < 2
                ? new(ErrorCode.UnsupportedForMessageFormat, "only record batches of magic 2 (Kafka 0.11 and later) are taken")
                : new(ErrorCode.CorruptMessage, $"no batch has magic {batch.Magic}");
        }
        var length = RecordBatch.LengthAt(records);
        if (length < RecordBatch.HeaderBytes || length > records.Length)
            return new(ErrorCode.CorruptMessage, $"the batch says that it has {length} bytes; {records.Length} were sent");
        if (length < records.Length)
            return new(ErrorCode.InvalidRecord, "a produce request must hold exactly one record batch for each partition");
        if (length > config.MaxMessageBytes)
        {
            return new(ErrorCode.MessageTooLarge, $"the batch has {length} bytes; the topic's max.message.bytes is {config.MaxMessageBytes}");
        }
        if (!batch.HasValidCrc)
            return new(ErrorCode.CorruptMessage, "the batch's checksum does not fit its content");
        var header = CheckHeader(batch, config, nowMs);
        if (!header.IsOk)
            return header;
        return batch.Codec == Codec.None || config.Compacts ? CheckRecords(batch, config) : Outcome.Ok;
    }

    private static Outcome CheckHeader(in RecordBatch batch, TopicConfig config, long nowMs)
    {
        if (batch.IsControl)
            return new(ErrorCode.InvalidRecord, "clients may not write control records");
        if (batch.HasDeleteHorizon)
            return new(ErrorCode.InvalidRecord, "clients may not set a delete horizon");
        if (batch.Codec > Codec.Zstd)
            return new(ErrorCode.UnsupportedCompressionType, $"codec {(int)batch.Codec} is unknown");
        if (batch.Count <= 0 || batch.LastOffsetDelta != batch.Count - 1)
            return new(ErrorCode.InvalidRecord, $"a batch of {batch.Count} records cannot have the last offset delta {batch.LastOffsetDelta}");
        if (batch.HasProducer ? batch.BaseSequence < 0 || batch.ProducerEpoch < 0 : batch.IsTransactional)
            return new(ErrorCode.InvalidRecord, "producer id, epoch and sequence of the batch do not fit each other");
        if (!config.IsLogAppendTime
            && (batch.MaxTimestampMs - nowMs > config.TimestampAfterMaxMs || (batch.BaseTimestampMs >= 0 && nowMs - batch.BaseTimestampMs > config.TimestampBeforeMaxMs)))
        {
            return new(ErrorCode.InvalidTimestamp, "the batch's timestamps lie farther from now than message.timestamp.before.max.ms and .after.max.ms allow");
        }
        return Outcome.Ok;
    }

    private static Outcome CheckRecords(in RecordBatch batch, TopicConfig config)
    {
        if (batch.Codec == Codec.None)
            return CheckRecords(batch.Records, batch.Count, config.Compacts);
        using var plain = Compression.Decompress(batch.Codec, batch.Records);
        return plain is null
            ? new(ErrorCode.CorruptMessage, "the batch cannot be decompressed")
            : CheckRecords(plain.Span, batch.Count, config.Compacts);
    }

    private static Outcome CheckRecords(ReadOnlySpan<byte> records, int count, bool mustHaveKeys)
    {
        var reader = new RecordReader(records);
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryRead(out var record) || record.OffsetDelta != i)
                return new(ErrorCode.InvalidRecord, $"record {i} of the batch is malformed");
            if (mustHaveKeys && !record.HasKey)
                return new(ErrorCode.InvalidRecord, $"record {i} has no key; a compacted topic takes none without");
        }
        return reader.IsAtEnd ? Outcome.Ok : new(ErrorCode.InvalidRecord, "bytes lie behind the batch's last record");
    }
}
