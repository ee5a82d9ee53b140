namespace Metering.Kafka.Tasks;

/// <summary>A task's figures: written by its thread and the loop, read by anyone.</summary>
internal sealed class TaskProgress(int partition, DateTimeOffset now)
{
    private readonly Lock _lock = new();
    private TaskStatus _status = new(partition, TaskState.Restoring, null, -1, -1, now, 0, 0, 0);
    private long _endOfRecords = -1;
    private long _endOffset = -1;

    public string? Reason => Read(static s => s.Reason);

    public void Set(TaskState state, string? reason) => Change(s => s with { State = state, Reason = reason });

    public void Restored(long position) => Change(s => s with { Position = position });

    public void Rebuilding(string reason) => Change(s => s with { State = TaskState.Restoring, Reason = reason, Rebuilds = s.Rebuilds + 1, IsInTransaction = false });

    public void Begun() => Change(static s => s with { IsInTransaction = true });

    public void Committed(long position, long records, DateTimeOffset at)
    {
        lock (_lock)
        {
            _status = _status with { Position = position, Records = _status.Records + records, Transactions = _status.Transactions + 1, LastProgress = at, IsInTransaction = false };
            TellIfCaughtUp(at);
        }
    }

    public void HighWatermark(long offset, DateTimeOffset at)
    {
        lock (_lock)
        {
            _status = _status with { HighWatermark = offset };
            TellIfCaughtUp(at);
        }
    }

    /// <summary>Between the last record fetched and <paramref name="endOffset"/> there are only markers: whoever has committed
    /// the former has no lag (R14).</summary>
    public void AtEnd(long nextRecord, long endOffset)
    {
        lock (_lock)
        {
            _endOfRecords = nextRecord;
            _endOffset = endOffset;
        }
    }

    public TaskStatus Status
    {
        get
        {
            lock (_lock)
                return Now;
        }
    }

    // Under the lock: under a steady flow a commit passes the watermark of a moment ago, which is never reached itself.
    private void TellIfCaughtUp(DateTimeOffset at)
    {
        if (Now.Lag == 0)
            _status = _status with { CaughtUpAt = at };
    }

    private TaskStatus Now => _endOfRecords >= 0 && _status.Position >= _endOfRecords && _status.Position < _endOffset ? _status with { Position = _endOffset } : _status;

    private void Change(Func<TaskStatus, TaskStatus> change)
    {
        lock (_lock)
            _status = change(_status);
    }

    private T Read<T>(Func<TaskStatus, T> read)
    {
        lock (_lock)
            return read(_status);
    }
}
