using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Snapshots;

/// <summary>
/// A task's snapshot file: a cache of its changelog, so that a takeover on this machine reads only what came after it. It is
/// taken in four steps, none of which makes the task wait for a disk: at a commit's end the changelog's end is noted; the next
/// commit copies the whole state and writes a mark with it; once that has committed, a thread of the pool finds the mark's
/// offset and writes the file. The task's thread and its commit's take turns here.
/// At a takeover it counts only if all of it is provable (R8, R9): see <see cref="SnapshotRestore"/>.
/// </summary>
internal sealed partial class TaskSnapshots
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly StageContext _context;
    private readonly TopicPartition _changelog;
    private readonly CancellationToken _ended;
    private Task _writing = Task.CompletedTask;
    private Taken? _taken;
    private long? _notedEnd;
    private long _position = -1;
    private long _lastAt;
    private TimeSpan _interval;
    private volatile bool _hasTold;

    private TaskSnapshots(StageContext context, int partition, CancellationToken ended)
    {
        (_context, _changelog, _ended) = (context, new(context.Changelog, partition), ended);
        Path = PathOf(context, partition);
        Name = NameOf(context, partition);
        // Not all partitions at once.
        _interval = context.Options.SnapshotInterval * (0.5 + Random.Shared.NextDouble());
        _lastAt = context.Time.GetTimestamp();
    }

    private sealed record Taken(byte[] Id, long From, long Position, SnapshotBuffer State);

    public string Path { get; }

    /// <summary>Whose state it is, as the file says it.</summary>
    public string Name { get; }

    /// <summary>The input position that the newest file has; -1 = none was written here.</summary>
    public long Position => Volatile.Read(ref _position);

    private bool IsDue => _writing.IsCompleted && _context.Time.GetElapsedTime(_lastAt) >= _interval;

    /// <summary>Null when the stage keeps none.</summary>
    public static TaskSnapshots? Of(StageContext context, int partition, CancellationToken ended) =>
        context.Options.SnapshotFolder is null ? null : new(context, partition, ended);

    public static string PathOf(StageContext context, int partition) =>
        System.IO.Path.Combine(context.Options.SnapshotFolder!, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{context.Changelog}-{partition}.snapshot"));

    public static string NameOf(StageContext context, int partition) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{context.Changelog} [{partition}]");

    /// <summary>Notes that the next commit is to take one: where the changelog ends, for its mark lies behind. No commit is under way.</summary>
    public void NoteEnd()
    {
        try
        {
            _notedEnd = _context.Consumer.QueryWatermarkOffsets(_changelog, Patience).High.Value;
        }
        catch (KafkaException e)
        {
            _lastAt = _context.Time.GetTimestamp();
            NotTaken(e);
        }
    }

    /// <summary>In a commit, after the processor's own OnCommit: copies its state, which then is what this transaction commits.</summary>
    public void TakeIfNoted(IPartitionProcessor processor, TransactionOutput output, long position)
    {
        if (_notedEnd is not { } from)
            return;
        _notedEnd = null;
        var state = new SnapshotBuffer();
        if (!processor.TrySaveAll(state.Add))
        {
            state.Dispose();
            _lastAt = _context.Time.GetTimestamp();
            return;
        }
        _taken = new(SnapshotMark.NewId(), from, position, state);
        output.SaveMark(_taken.Id);
    }

    /// <summary>The transaction has committed.</summary>
    public void Committed()
    {
        if (_taken is { } taken)
        {
            _taken = null;
            (_lastAt, _interval) = (_context.Time.GetTimestamp(), _context.Options.SnapshotInterval);
            _writing = WriteAfterAsync(_writing, taken);
        }
        else if (IsDue)
        {
            NoteEnd();
        }
    }

    /// <summary>The transaction is given up (R11): what it took was never committed.</summary>
    public void Forget()
    {
        _taken?.State.Dispose();
        (_taken, _notedEnd) = (null, null);
    }

    /// <summary>Waits until the file is written; it ends soon when the task is told to drop all.</summary>
    public void Close()
    {
        Forget();
        _writing.GetAwaiter().GetResult();
    }

    private async Task WriteAfterAsync(Task former, Taken taken)
    {
        await former;
        await Task.Run(() => Write(taken), CancellationToken.None);
    }

    private void Write(Taken taken)
    {
        try
        {
            using var state = taken.State;
            var start = _context.Time.GetTimestamp();
            Directory.CreateDirectory(_context.Options.SnapshotFolder!);
            SnapshotFile.Write(Path, Name, new(FindMark(taken), taken.Id, taken.Position), state);
            Volatile.Write(ref _position, taken.Position);
            _hasTold = false;
            LogWritten(_context.Logger, _changelog.Partition.Value, state.Entries, state.Bytes, taken.Position, (long)_context.Time.GetElapsedTime(start).TotalMilliseconds);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or KafkaException or OperationCanceledException)
        {
            // A cache: without it the next takeover reads the changelog whole, or from the file before.
            NotTaken(e);
        }
    }

    // Read committed: a mark that is found was committed, and with it all of its transaction.
    private long FindMark(Taken taken)
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]>(_context.Settings.Reader()).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(new TopicPartitionOffset(_changelog, taken.From));
        var start = _context.Time.GetTimestamp();
        while (_context.Time.GetElapsedTime(start) < KafkaSettings.TransactionTimeout)
        {
            _ended.ThrowIfCancellationRequested();
            if (consumer.Consume(TimeSpan.FromMilliseconds(100)) is { Message: { } message } record
                && SnapshotMark.Key.SequenceEqual(message.Key) && taken.Id.AsSpan().SequenceEqual(message.Value))
            {
                return record.Offset.Value;
            }
        }
        throw new IOException($"its mark was not found in the changelog, from offset {taken.From} on, within {KafkaSettings.TransactionTimeout.TotalSeconds} s");
    }

    private void NotTaken(Exception e)
    {
        // Where no file can be written none can five minutes later: told once.
        if (_hasTold)
            return;
        _hasTold = true;
        LogNotWritten(_context.Logger, _changelog.Partition.Value, e.Message);
    }

    [LoggerMessage(2231, LogLevel.Debug, "task [{Partition}] wrote a snapshot of {Entries} entries, {Bytes} bytes, at input offset {Position}, in {Ms} ms")]
    private static partial void LogWritten(ILogger logger, int partition, long entries, long bytes, long position, long ms);

    [LoggerMessage(2232, LogLevel.Warning, "task [{Partition}] could not write its snapshot, a takeover will read more of the changelog: {Reason}")]
    private static partial void LogNotWritten(ILogger logger, int partition, string reason);
}
