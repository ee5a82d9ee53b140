using System.Globalization;
using Confluent.Kafka;
using Metering.Kafka.Snapshots;
using Metering.Kafka.Tasks.Side;

namespace Metering.Kafka.Tasks;

/// <content>How a task comes to its partition's state: a takeover from another process, or from itself (R8, R11).</content>
internal sealed partial class PartitionTask
{
    // Kafka 4.3.1 has been seen to serve offsets of many minutes ago for some seconds after it was killed, until it noticed and read its log again.
    // Asked again with growing pauses, for about 15 s; a group that a person has set back says the same each time.
    private const int MaxOldWords = 8;

    private int _oldWords;

    // R8: fence the predecessor, then its offsets are stable, then its changelog has an end, then the input.
    private void TakeOver()
    {
        _progress.Set(TaskState.Restoring, _progress.Reason);
        var partition = _source.Partition.Value;
        var config = _context.Settings.TransactionalProducer(_context.TransactionalId(partition));
        // A record that is not delivered fails its transaction; a report of each would cost an object.
        config.EnableDeliveryReports = false;
        _producer = new ProducerBuilder<byte[], byte[]>(config)
            .SetLogHandler((_, message) => ClientLog.Write(_context.Logger, message))
            .SetErrorHandler((_, error) => ClientLog.Write(_context.Logger, error))
            .Build();
        Retry(() => _producer.InitTransactions(CallTimeout));
        var committed = StableOffset();
        var saved = RestoreState(committed);
        if (committed < saved && _oldWords++ < MaxOldWords)
            throw new KafkaException(new Error(ErrorCode.Local_Inconsistent, string.Create(CultureInfo.InvariantCulture, $"group {_context.Group} tells offset {committed} of {_source.Topic} [{_source.Partition.Value}], and its changelog knows of {saved}: a coordinator that has just started may tell an old one, so it is asked again")));
        _position = TaskPosition.Decide(_context, _source, committed, saved);
        _oldWords = 0;
        _output = new(_producer, _context.Settings, _context.Changelog, partition);
        _uncommitted = 0;
        _progress.Restored(_position);
        if (_processor is SidePositions positions)
            _context.Side!.Open(_side = new(partition, new Dictionary<string, long>(positions.Next, StringComparer.Ordinal), Queue.Wake));
        _outOfRange = null;
        Volatile.Write(ref _seek, new(_position, ++_generation));
        _progress.Set(TaskState.Running, null);
        LogRunning(_context.Logger, _source.Topic, partition, _position);
    }

    private long? StableOffset()
    {
        try
        {
            var offset = _context.Consumer.Committed([_source], CallTimeout)[0].Offset;
            return offset == Offset.Unset ? null : offset.Value;
        }
        catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_TimedOut)
        {
            // Nothing of a fenced predecessor is under way any more. A Kafka 4.3 that was killed, alone in its cluster, has been seen to call
            // a transaction complete whose markers it never wrote: nobody but an operator ends that.
            throw new KafkaException(
                new Error(ErrorCode.Local_TimedOut, string.Create(CultureInfo.InvariantCulture, $"""
                    group {_context.Group} has told no stable offset of {_source.Topic} [{_source.Partition.Value}] within {CallTimeout.TotalSeconds:0} s, though this task's predecessor is fenced. If that goes on, a transaction hangs in the cluster: `kafka-transactions.sh --bootstrap-server HOST:PORT find-hanging --broker-id N` names its partitions, and `abort` of each, that of __consumer_offsets last, lets the work go on with nothing lost or doubled
                    """)),
                e);
        }
    }

    // Gives back the input position that belongs to the state. What was restored in vain is dropped with its processor.
    private long? RestoreState(long? committed)
    {
        var (partition, reason) = (_source.Partition.Value, _progress.Reason);
        if (_snapshots is not null && SnapshotRestore.TryRestore(_context, partition, committed, (read, of) => TellRestoring(reason, read, of), _ended.Token) is { } processor)
        {
            _processor = processor;
            return committed;
        }
        _processor = _context.CreateProcessor(partition);
        return ChangelogReader.Restore(_context.Settings, _context.Changelog, partition, _processor, (read, of) => TellRestoring(reason, read, of), _ended.Token);
    }

    private void TellRestoring(string? reason, long read, long of)
    {
        var told = string.Create(CultureInfo.InvariantCulture, $"reads its changelog: {read:N0} of {of:N0} records");
        _progress.Set(TaskState.Restoring, reason is null ? told : $"{told} ({reason})");
        LogRestoring(_context.Logger, _source.Partition.Value, read, of);
    }
}
