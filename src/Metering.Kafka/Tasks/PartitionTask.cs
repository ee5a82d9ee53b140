using Confluent.Kafka;
using Metering.Kafka.Snapshots;
using Metering.Kafka.Tasks.Side;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks;

/// <summary>
/// A stage's work on one partition, on a thread of its own, from its assignment to its end: take over (R8), then process and
/// commit. Whatever goes wrong in a transaction, the producer, the processor and all memory are dropped and the task takes
/// over from itself (R11). The loop hands it batches and asks it to end; it asks the loop to seek.
/// </summary>
internal sealed partial class PartitionTask
{
    private static readonly TimeSpan CallTimeout = KafkaSettings.TransactionTimeout;
    private static readonly TimeSpan IdleWait = TimeSpan.FromMilliseconds(250);
    private const int MaxQueuedRecords = 16 * RecordBatch.Capacity;
    private const long MaxQueuedBytes = 8 << 20;

    private readonly StageContext _context;
    private readonly TopicPartition _source;
    private readonly CancellationTokenSource _ended = new();
    private readonly Thread _thread;
    private readonly TaskProgress _progress;
    private readonly CommitInFlight _commit;
    private readonly TaskSnapshots? _snapshots;
    private readonly ManualResetEventSlim _left = new();
    private volatile bool _stop;
    private volatile bool _drop;
    private volatile bool _isLast;
    private volatile string? _outOfRange;
    private SeekRequest? _seek;

    // Of the current takeover; the task's thread only.
    private IProducer<byte[], byte[]> _producer = null!;
    private IPartitionProcessor _processor = null!;
    private TransactionOutput _output = null!;
    private SideQueue? _side;
    private RecordBatch? _batch;
    private int _index;
    private int _generation;
    private long _position;
    private long _uncommitted;
    private long _firstUncommittedAt;
    private Task? _waitingFor;

    public PartitionTask(StageContext context, int partition)
    {
        _context = context;
        _source = new(context.InputTopic, partition);
        Queue = new(MaxQueuedRecords, MaxQueuedBytes, context.Room);
        _progress = new(partition, context.Time.GetUtcNow());
        _thread = new Thread(Run) { IsBackground = true, Name = $"{context.Options.Stage}-{partition}" };
        _snapshots = TaskSnapshots.Of(context, partition, _ended.Token);
        _commit = new($"{context.Options.Stage}-{partition}-commit", Queue.Wake);
    }

    /// <summary>Where the input must go on, and the generation that its batches then carry (R10).</summary>
    internal sealed record SeekRequest(long Offset, int Generation);

    public BatchQueue Queue { get; }

    public TaskProgress Progress => _progress;

    public void Start() => _thread.Start();

    /// <summary>The loop takes a seek that the task has asked for since the last call.</summary>
    public SeekRequest? TakeSeek() => Interlocked.Exchange(ref _seek, null);

    /// <summary>Asks the task to end. <paramref name="drop"/>: the partition is another's already, commit nothing.
    /// <paramref name="isLast"/>: the process ends, so a snapshot is worth its time; a partition that moves has its next owner waiting.</summary>
    public void RequestStop(bool drop, bool isLast = false)
    {
        _isLast = isLast;
        if (drop)
            _drop = true;
        _stop = true;
        if (drop)
            _ended.Cancel();
        Queue.Wake();
    }

    public void OutOfRange(string error)
    {
        _outOfRange = error;
        Queue.Wake();
    }

    /// <summary>True when the task has done its last commit, or given it up, within the time; a snapshot may still be written.</summary>
    public bool HasLeft(TimeSpan timeout) => _left.Wait(timeout);

    /// <summary>True when the thread has ended within the time.</summary>
    public bool Join(TimeSpan timeout) => _thread.Join(timeout);

    private void Run()
    {
        var failures = 0;
        try
        {
            while (!_stop)
            {
                try
                {
                    TakeOver();
                    failures = 0;
                    Work();
                }
                catch (KafkaException e)
                {
                    LetGo(e);
                    Pause(TaskFailures.IsFenced(e) ? _context.Settings.SessionTimeout : Backoff(failures++));
                }
                catch (TaskStoppedException e)
                {
                    StandStill(e);
                }
                finally
                {
                    Drop();
                }
            }
        }
        // Disposed: the consumer was closed without this task, which had not ended in time.
        catch (Exception e) when (e is TaskRevokedException || (e is OperationCanceledException or ObjectDisposedException && _stop))
        {
            LogRevoked(_context.Logger, _source.Partition.Value);
        }
        catch (Exception e)
        {
            // Corrupt or impossible: the stage's owner sees it and lets the process stop.
            _progress.Set(TaskState.Stopped, e.Message);
            _context.Failed(new InvalidOperationException($"task {_source} failed at offset {_position}: {e.Message}", e));
        }
        finally
        {
            _commit.Close();
            _left.Set();
            _snapshots?.Close();
        }
    }

    private void Work()
    {
        while (true)
        {
            if (_outOfRange is { } error)
                throw TaskPosition.OutOfRange(_context, _source, _position, error);
            if (_commit is { IsBegun: true, IsBusy: false })
                _commit.Finish();
            if (_stop)
            {
                EndWell();
                return;
            }
            var isDue = IsDue(out var left);
            // While the last commit is under way the interval grows, until its output is full.
            if (_uncommitted > 0 ? (isDue && !_commit.IsBusy) || _processor.WantsCommit : !_commit.IsBusy && _processor.IsIdleCommitDue(_context.Time.GetUtcNow()))
                Commit();
            else if (TakeSide() | (!HoldsBack() && (_batch is not null || TakeBatch()) && ProcessBatch()))
                continue;
            else
                Queue.Wait(_uncommitted > 0 && !_commit.IsBusy ? left : IdleWait); // a commit's end wakes it
        }
    }

    // The process's last commit takes a snapshot with it: its next start on this machine reads no more than that.
    private void EndWell()
    {
        _commit.Finish();
        var wantsSnapshot = _isLast && _snapshots is not null && _snapshots.Position != _position && !_drop;
        if (wantsSnapshot)
            _snapshots!.NoteEnd();
        if ((_uncommitted > 0 || wantsSnapshot) && !_drop)
            Commit();
        _commit.Finish();
    }

    // One at a time: input and side inputs take turns, and a commit that is due is not put off.
    private bool TakeSide()
    {
        if (_side is null || !_side.TryTake(out var record))
            return false;
        _processor.ProcessSide(record!.Topic, new InputRecord { Partition = _source.Partition.Value, Offset = record.Offset, ArrivedAtMs = record.ArrivedAtMs, Key = record.Key, Value = record.Value });
        if (_uncommitted++ == 0)
            _firstUncommittedAt = _context.Time.GetTimestamp();
        return true;
    }

    private bool TakeBatch()
    {
        while (Queue.TryTake(out _batch))
        {
            _index = 0;
            if (_batch!.Generation == _generation)
                return true;
            // R10: fetched before the last takeover's seek.
            _context.Pool.Return(_batch);
        }
        return false;
    }

    // Always true. Per record: no allocation, no log. Leaves when the batch is done, or the interval, or the processor waits or is full.
    private bool ProcessBatch()
    {
        var batch = _batch!;
        for (; _index < batch.Count; _index++)
        {
            var record = batch[_index];
            // R10: offsets go on; they jump only over markers and aborted records, which only lie ahead.
            if (record.Offset < _position)
                throw new KafkaException(new Error(ErrorCode.Local_BadMsg, $"offset {record.Offset} came after position {_position}"));
            if (_processor.Process(record) == ProcessResult.Wait)
            {
                BeginWaiting();
                return true;
            }
            if (_uncommitted++ == 0)
                _firstUncommittedAt = _context.Time.GetTimestamp();
            _position = record.Offset + 1;
            if (_processor.WantsCommit || _stop || ((_index & 63) == 63 && IsDue(out _)))
            {
                _index++;
                break;
            }
        }
        if (_index < batch.Count)
            return true;
        _batch = null;
        _context.Pool.Return(batch);
        return true;
    }

    private void BeginWaiting()
    {
        _progress.Set(TaskState.Waiting, "waits for what its records need");
        _waitingFor = _context.Options.WaitAsync(_ended.Token);
        if (_waitingFor.IsCompleted)
            Queue.Wait(TimeSpan.FromMilliseconds(10));      // Nothing to wait for, yet the processor says so: not in a spin.
        else
            _ = _waitingFor.ContinueWith(static (_, queue) => ((BatchQueue)queue!).Wake(), Queue, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private bool HoldsBack()
    {
        if (_waitingFor is not { } waiting)
            return false;
        if (!waiting.IsCompleted)
            return true;
        _waitingFor = null;
        if (waiting.IsFaulted)
            throw new InvalidOperationException("what the task waited for failed", waiting.Exception);
        _progress.Set(TaskState.Running, null);
        return false;
    }

    private bool IsDue(out TimeSpan left)
    {
        left = TimeSpan.Zero;
        if (_uncommitted == 0)
            return false;
        left = _context.Options.CommitInterval - _context.Time.GetElapsedTime(_firstUncommittedAt);
        return left <= TimeSpan.Zero;
    }

    private void LetGo(KafkaException e)
    {
        // What this producer may have left open, the next InitTransactions ends, here or elsewhere.
        Drop();
        var reason = TaskFailures.IsFenced(e) ? $"fenced: another producer has taken this task ({e.Error.Reason})" : $"{e.Error.Code}: {e.Error.Reason}";
        _progress.Rebuilding(reason);
        LogRebuild(_context.Logger, _source.Partition.Value, _position, reason);
    }

    private void StandStill(TaskStoppedException e)
    {
        _progress.Set(TaskState.Stopped, e.Message);
        LogStopped(_context.Logger, e.Message);
        while (!_stop)
            Queue.Wait(IdleWait);
    }

    private void Drop()
    {
        _commit.Abandon();
        _snapshots?.Forget();
        _output?.Dispose();
        _output = null!;
        _producer?.Dispose();
        _producer = null!;
        _processor = null!;
        if (_side is { } side)
            _context.Side!.Close(side);
        _side = null;
        _waitingFor = null;
        if (_batch is { } batch)
            _context.Pool.Return(batch);
        _batch = null;
    }

    private void Pause(TimeSpan time)
    {
        var start = _context.Time.GetTimestamp();
        while (!_stop && _context.Time.GetElapsedTime(start) is var gone && gone < time)
            _ended.Token.WaitHandle.WaitOne(time - gone < IdleWait ? time - gone : IdleWait);
    }

    // 100 ms, doubling to 5 s, each with as much again of jitter.
    private static TimeSpan Backoff(int failures) =>
        TimeSpan.FromMilliseconds(Math.Min(100 << Math.Min(failures, 10), 5_000) * (0.5 + Random.Shared.NextDouble()));

    [LoggerMessage(2201, LogLevel.Information, "task {Topic} [{Partition}] runs from offset {Offset}")]
    private static partial void LogRunning(ILogger logger, string topic, int partition, long offset);

    [LoggerMessage(2205, LogLevel.Information, "task [{Partition}] reads its changelog: {Read} of {Of} records")]
    private static partial void LogRestoring(ILogger logger, int partition, long read, long of);

    [LoggerMessage(2202, LogLevel.Warning, "task [{Partition}] lost its transaction at {Offset} and is rebuilt: {Reason}")]
    private static partial void LogRebuild(ILogger logger, int partition, long offset, string reason);

    [LoggerMessage(2203, LogLevel.Error, "{Reason}")]
    private static partial void LogStopped(ILogger logger, string reason);

    [LoggerMessage(2204, LogLevel.Debug, "task [{Partition}] ended with its assignment")]
    private static partial void LogRevoked(ILogger logger, int partition);
}
