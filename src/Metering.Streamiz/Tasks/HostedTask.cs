using Metering.Kafka.Snapshots;
using Metering.Kafka.Tasks;

namespace Metering.Streamiz.Tasks;

/// <summary>
/// A processor on one partition, as Streamiz drives it: records come in, and before each commit of Streamiz's its store is
/// flushed, which is when the processor sends. Output, state, and the position they belong to are then in the transaction
/// that is about to be committed. Stream thread only.
/// </summary>
internal sealed class HostedTask
{
    private readonly HostSession _session;
    private readonly IPartitionProcessor _processor;
    private readonly IStateChangelog _changelog;
    private readonly HostedOutput _output;
    private readonly TaskProgress _progress;
    private readonly Queue<(long From, long To)> _gaps = [];
    private long _fetched;
    private long _position;
    private long _uncommitted;
    private int _ahead;

    /// <param name="start">The first input offset.</param>
    public HostedTask(HostSession session, int partition, long start, IStateChangelog changelog)
    {
        (_session, Partition, _changelog) = (session, partition, changelog);
        _processor = session.Options.CreateProcessor(partition);
        _output = new(session, partition, changelog);
        _progress = session.Progress.Of(partition);
        _progress.Set(TaskState.Restoring, _progress.Reason);
        _fetched = _position = SentPosition = start;
    }

    public int Partition { get; }

    /// <summary>Its state is there, and it takes records.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>It has taken something, or has something to say, that it has not sent.</summary>
    public bool IsDirty { get; private set; }

    /// <summary>It has sent something that is not committed yet.</summary>
    public bool HasSent { get; private set; }

    /// <summary>The next input offset after what it has taken.</summary>
    public long Position => _position;

    /// <summary>The next input offset after what it has sent.</summary>
    public long SentPosition { get; private set; }

    /// <summary>What the changelog says; null when it says nothing.</summary>
    public long? SavedPosition { get; private set; }

    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.SequenceEqual(PositionRecord.Key))
            SavedPosition = PositionRecord.Decode(value);
        else if (!key.SequenceEqual(SnapshotMark.Key)) // our own host's
            _processor.Restore(key, value);
    }

    public void Run()
    {
        IsRunning = true;
        _progress.Restored(_position);
        _progress.Set(TaskState.Running, null);
    }

    /// <summary>The consumer got this offset in this assignment: between it and the last one lie only markers.</summary>
    public void Fetched(long offset)
    {
        if (offset != _fetched)
            _gaps.Enqueue((_fetched, offset));
        _fetched = offset + 1;
    }

    public void AtEnd(long endOffset) => _progress.AtEnd(_fetched, endOffset);

    /// <summary>Takes a record, and waits as long as the processor has to (R16).</summary>
    public void Process(in InputRecord record)
    {
        _session.ThrowIfFailed();
        if (!Continues(record.Offset))
            return;
        try
        {
            while (_processor.Process(record) == ProcessResult.Wait)
                Await();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw _session.Fail(e is Confluent.Kafka.KafkaException ? e : Impossible(e));
        }
        _position = record.Offset + 1;
        _uncommitted++;
        IsDirty = true;
        if (_processor.WantsCommit)
            Send();     // Streamiz cannot be hurried; what fills memory goes into the open transaction already.
    }

    /// <summary>Asked now and then: true when Streamiz should commit although no record came.</summary>
    public bool WantsIdleCommit()
    {
        if (!IsRunning || IsDirty || _session.HasFailed || !_processor.IsIdleCommitDue(_session.Time.GetUtcNow()))
            return false;
        return IsDirty = true;
    }

    /// <summary>Sends what was made since the last time. Streamiz also flushes after a commit and while it closes: then
    /// there is nothing to send, or the run has failed.</summary>
    public void Send()
    {
        if (!IsDirty)
            return;
        _session.ThrowIfFailed();
        _session.Fault?.Invoke(CommitPoint.BeforeSend, Partition);
        try
        {
            // First: going through Streamiz, this begins its transaction if none is open.
            _changelog.Put(PositionRecord.Key, PositionRecord.Encode(_position));
            _processor.OnCommit(_session.Time.GetUtcNow(), _output);
        }
        catch (Exception e)
        {
            throw _session.HasFailed ? e : _session.Fail(Impossible(e));
        }
        SentPosition = _position;
        HasSent = true;
        IsDirty = false;
        _session.Fault?.Invoke(CommitPoint.AfterSend, Partition);
    }

    public void Committed()
    {
        if (!HasSent)
            return;
        HasSent = false;
        _progress.Committed(SentPosition, _uncommitted, _session.Time.GetUtcNow());
        _uncommitted = 0;
    }

    // R10. What Streamiz had polled before a rebalance within the same poll it hands to the new task of that partition.
    // Such a record either is the next one, or it comes again.
    private bool Continues(long offset)
    {
        if (offset == _position)
            return true;
        if (offset < _position)
            return false;
        if (_gaps.TryPeek(out var gap) && gap.From == _position && gap.To == offset)
        {
            _gaps.Dequeue();
            return true;
        }
        if (++_ahead > StreamizRun.MaxPollRecords)
            throw _session.Fail(Failures.Kafka(Confluent.Kafka.ErrorCode.Local_BadMsg, $"offset {offset} came, position {_position} did not"));
        return false;
    }

    // The thread is Streamiz's only one: every partition of this process waits. The group's patience is not outlived.
    private void Await()
    {
        var started = _session.Time.GetTimestamp();
        _progress.Set(TaskState.Waiting, "waits for what its records need");
        var waiting = _session.Options.WaitAsync(_session.Stop);
        while (!waiting.IsCompleted)
        {
            _session.Stop.ThrowIfCancellationRequested();
            if (_session.Time.GetElapsedTime(started) > StreamizRun.MaxPoll / 2)
                throw Failures.Kafka(Confluent.Kafka.ErrorCode.Local_TimedOut, "what the records need did not come; the partitions are taken anew");
            _session.Pause(TimeSpan.FromMilliseconds(10));
        }
        _session.Stop.ThrowIfCancellationRequested();
        if (waiting.IsFaulted)
            throw new InvalidOperationException("what the task waited for failed", waiting.Exception);
        _progress.Set(TaskState.Running, null);
    }

    private ProcessorFailedException Impossible(Exception e) =>
        new($"task {_session.InputTopic} [{Partition}] failed at offset {_position}: {e.Message}", e);
}
