using Confluent.Kafka;
using Metering.Kafka.Native;

namespace Metering.Kafka.Tasks;

/// <summary>
/// Consecutive records of one partition on their way from the loop to the partition's task. Pooled: the loop fills it, the
/// task empties it and gives it back, so that a record costs no garbage of ours. It belongs to the assignment that it was
/// fetched for (R10). A record's bytes are Consume's arrays or lie in the client's own memory, until the batch is cleared.
/// </summary>
internal sealed unsafe class RecordBatch
{
    public const int Capacity = 1024;

    /// <summary>A batch of large records is handed on before it is full.</summary>
    public const long EnoughBytes = 1 << 20;

    private readonly Fetched[] _records = new Fetched[Capacity];

    // One of the two is set.
    private struct Fetched
    {
        public Librdkafka.Message* Native;
        public ConsumeResult<byte[], byte[]>? Copied;
    }

    public int Partition { get; private set; }

    /// <summary>R10: which seek of which assignment it was fetched after.</summary>
    public int Generation { get; private set; }

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    public bool IsFull => Count == Capacity;

    public void Begin(int partition, int generation)
    {
        Partition = partition;
        Generation = generation;
        Count = 0;
        Bytes = 0;
    }

    public void Add(ConsumeResult<byte[], byte[]> record)
    {
        _records[Count++].Copied = record;
        Bytes += (record.Message.Key?.Length ?? 0) + (record.Message.Value?.Length ?? 0);
    }

    /// <summary>Takes over the message.</summary>
    public void Add(Librdkafka.Message* message)
    {
        _records[Count++].Native = message;
        Bytes += (long)(message->KeyBytes + message->ValueBytes);
    }

    public InputRecord this[int index]
    {
        get
        {
            ref readonly var record = ref _records[index];
            if (record.Copied is { } copied)
            {
                return new()
                {
                    Partition = Partition,
                    Offset = copied.Offset.Value,
                    ArrivedAtMs = copied.Message.Timestamp.UnixTimestampMs,
                    Key = copied.Message.Key,
                    Value = copied.Message.Value,
                    HeadersOf = this,
                    IndexInBatch = index,
                };
            }
            int type;
            var message = record.Native;
            return new()
            {
                Partition = Partition,
                Offset = message->Offset,
                ArrivedAtMs = Librdkafka.Timestamp(message, &type),
                Key = new(message->Key, checked((int)message->KeyBytes)),
                Value = new(message->Value, checked((int)message->ValueBytes)),
                HeadersOf = this,
                IndexInBatch = index,
            };
        }
    }

    /// <summary>A record's headers, made when they are asked for: METER does so for dead letters only.</summary>
    public RecordHeader[] HeadersAt(int index)
    {
        ref readonly var record = ref _records[index];
        return record.Copied is { } copied ? HeadersOf(copied.Message.Headers) : NativeHeaders.Read(record.Native);
    }

    /// <summary>Lets go of the records' bytes; the batch goes back to its pool.</summary>
    public void Clear()
    {
        for (var i = 0; i < Count; i++)
        {
            if (_records[i].Native != null)
                Librdkafka.Destroy(_records[i].Native);
        }
        Array.Clear(_records, 0, Count);
        Count = 0;
    }

    /// <summary>Confluent.Kafka's headers as ours; every host's way.</summary>
    public static RecordHeader[] HeadersOf(Headers? headers)
    {
        if (headers is null || headers.Count == 0)
            return [];
        var copy = new RecordHeader[headers.Count];
        for (var i = 0; i < copy.Length; i++)
            copy[i] = new(headers[i].Key, headers[i].GetValueBytes());
        return copy;
    }
}
