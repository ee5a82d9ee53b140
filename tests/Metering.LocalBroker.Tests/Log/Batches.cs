using System.Buffers;
using System.Text;
using Metering.LocalBroker.Log;

namespace Metering.LocalBroker.Tests.Log;

/// <summary>Makes record batches as a producer sends them.</summary>
internal static class Batches
{
    /// <param name="values">Key and value of each record; null = none.</param>
    public static byte[] Of(
        IReadOnlyList<(string? Key, string? Value)> values, long timestampMs = 1_000, long producerId = -1, short epoch = -1, int sequence = -1,
        bool transactional = false, Codec codec = Codec.None, long offset = 0)
    {
        using PlainRecords plain = new(1024);
        for (var i = 0; i < values.Count; i++)
            Record(plain, i, i, values[i].Key, values[i].Value);
        using var packed = Compression.Compress(codec, plain.Span);
        var batch = new byte[RecordBatch.HeaderBytes + packed.Length];
        packed.Span.CopyTo(batch.AsSpan(RecordBatch.HeaderBytes));
        RecordBatch.WriteHeader(
            batch, offset, (short)((int)codec | (transactional ? RecordBatch.TransactionalBit : 0)), values.Count - 1, timestampMs,
            timestampMs + values.Count - 1, producerId, epoch, sequence, values.Count);
        RecordBatch.SetCrc(batch);
        return batch;
    }

    public static byte[] One(string value, long timestampMs = 1_000, string? key = null) => Of([(key, value)], timestampMs);

    /// <summary>A single record of about so many bytes.</summary>
    public static byte[] Sized(int bytes, long timestampMs = 1_000) => One(new string('x', Math.Max(0, bytes - 75)), timestampMs);

    /// <summary>All records of a run of batches: offset, key, value; control records left out.</summary>
    public static List<(long Offset, string? Key, string? Value)> Read(ReadOnlySpan<byte> bytes, bool control = false)
    {
        List<(long, string?, string?)> found = [];
        while (!bytes.IsEmpty)
        {
            var batch = new RecordBatch(bytes[..(int)RecordBatch.LengthAt(bytes)]);
            Assert.True(batch.HasValidCrc);
            if (!batch.IsControl || control)
            {
                using var plain = Compression.Decompress(batch.Codec, batch.Records);
                var reader = new RecordReader(plain!.Span);
                while (!reader.IsAtEnd)
                {
                    Assert.True(reader.TryRead(out var record));
                    found.Add((batch.BaseOffset + record.OffsetDelta, record.HasKey ? Encoding.UTF8.GetString(record.Key) : null, ValueOf(record)));
                }
            }
            bytes = bytes[batch.Bytes..];
        }
        return found;
    }

    private static string? ValueOf(in BatchRecord record)
    {
        if (!record.HasValue)
            return null;
        var rest = record.BehindKey;
        Assert.True(Varint.TryRead(ref rest, out var length));
        return Encoding.UTF8.GetString(rest[..(int)length]);
    }

    private static void Record(PlainRecords to, int timestampDelta, int offsetDelta, string? key, string? value)
    {
        using PlainRecords body = new(256);
        body.Write([(byte)0]);
        Number(body, timestampDelta);
        Number(body, offsetDelta);
        Text(body, key);
        Text(body, value);
        Number(body, 0);
        Number(to, body.Length);
        to.Write(body.Span);
    }

    private static void Text(PlainRecords to, string? text)
    {
        var bytes = text is null ? null : Encoding.UTF8.GetBytes(text);
        Number(to, bytes?.Length ?? -1);
        if (bytes is not null)
            to.Write(bytes);
    }

    private static void Number(PlainRecords to, long value) => to.Advance(Varint.Write(to.GetSpan(10), value));
}
