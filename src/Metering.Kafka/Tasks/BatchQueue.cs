using System.Collections.Concurrent;

namespace Metering.Kafka.Tasks;

/// <summary>
/// The bounded queue between the loop (one writer) and a partition's task (one reader). It never refuses a batch that was
/// fetched: the loop looks at <see cref="IsFull"/> and holds back, pauses the partition if it stays so, and lets it go on at
/// <see cref="IsDrained"/>.
/// </summary>
/// <param name="room">Set when a full queue is full no longer.</param>
internal sealed class BatchQueue(int maxRecords, long maxBytes, EventWaitHandle room)
{
    private readonly Queue<RecordBatch> _batches = new();
    private readonly Lock _lock = new();
    private readonly AutoResetEvent _signal = new(false);
    private long _records;
    private long _bytes;

    public bool IsFull => Interlocked.Read(ref _records) >= maxRecords || Interlocked.Read(ref _bytes) >= maxBytes;

    /// <summary>Half empty: so that a partition is not paused and resumed, and its prefetch fetched anew, for each batch.</summary>
    public bool IsDrained => Interlocked.Read(ref _records) <= maxRecords / 2 && Interlocked.Read(ref _bytes) <= maxBytes / 2;

    public long Records => Interlocked.Read(ref _records);

    public void Add(RecordBatch batch)
    {
        lock (_lock)
            _batches.Enqueue(batch);
        Interlocked.Add(ref _records, batch.Count);
        Interlocked.Add(ref _bytes, batch.Bytes);
        _signal.Set();
    }

    public bool TryTake(out RecordBatch? batch)
    {
        lock (_lock)
        {
            if (!_batches.TryDequeue(out batch))
                return false;
        }
        var wasFull = IsFull;
        Interlocked.Add(ref _records, -batch.Count);
        Interlocked.Add(ref _bytes, -batch.Bytes);
        if (wasFull)
            room.Set();
        return true;
    }

    /// <summary>Gives back what nobody will take.</summary>
    public void Clear(BatchPool pool)
    {
        while (TryTake(out var batch))
            pool.Return(batch!);
    }

    /// <summary>Waits for a batch, a <see cref="Wake"/> or the time.</summary>
    public void Wait(TimeSpan atMost) => _signal.WaitOne(atMost);

    public void Wake() => _signal.Set();
}

/// <summary>Empty batches, shared by all tasks of a stage.</summary>
internal sealed class BatchPool
{
    private readonly ConcurrentBag<RecordBatch> _free = [];

    public RecordBatch Rent(int partition, int generation)
    {
        if (!_free.TryTake(out var batch))
            batch = new();
        batch.Begin(partition, generation);
        return batch;
    }

    public void Return(RecordBatch batch)
    {
        batch.Clear();
        _free.Add(batch);
    }
}
