using Confluent.Kafka;

namespace Metering.Kafka.Tasks;

/// <summary>
/// Consecutive records of one partition on their way from the loop to the partition's task. Pooled: the loop fills it, the
/// task empties it and gives it back, so that a record costs no garbage of ours. It belongs to the assignment that it was
/// fetched for (R10).
/// </summary>
internal sealed class RecordBatch
{
    public const int Capacity = 1024;

    /// <summary>A batch of large records is handed on before it is full.</summary>
    public const long EnoughBytes = 1 << 20;

    private readonly Fetched[] _records = new Fetched[Capacity];

    private record struct Fetched(long Offset, long ArrivedAtMs, byte[]? Key, byte[]? Value, IReadOnlyList<RecordHeader>? Headers);

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
        var message = record.Message;
        _records[Count++] = new(record.Offset.Value, message.Timestamp.UnixTimestampMs, message.Key, message.Value, Headers(message.Headers));
        Bytes += (message.Key?.Length ?? 0) + (message.Value?.Length ?? 0);
    }

    public long OffsetAt(int index) => _records[index].Offset;

    public InputRecord this[int index]
    {
        get
        {
            ref readonly var record = ref _records[index];
            return new()
            {
                Partition = Partition,
                Offset = record.Offset,
                ArrivedAtMs = record.ArrivedAtMs,
                Key = record.Key,
                Value = record.Value,
                Headers = record.Headers ?? [],
            };
        }
    }

    /// <summary>Lets go of the records' bytes; the batch goes back to its pool.</summary>
    public void Clear()
    {
        Array.Clear(_records, 0, Count);
        Count = 0;
    }

    private static RecordHeader[]? Headers(Headers? headers)
    {
        if (headers is null || headers.Count == 0)
            return null;
        var copy = new RecordHeader[headers.Count];
        for (var i = 0; i < copy.Length; i++)
            copy[i] = new(headers[i].Key, headers[i].GetValueBytes());
        return copy;
    }
}
