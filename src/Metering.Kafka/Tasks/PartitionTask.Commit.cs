using Confluent.Kafka;

namespace Metering.Kafka.Tasks;

/// <content>Step 8 of an event's path: an interval's transaction.</content>
internal sealed partial class PartitionTask
{
    // 8. Commit: output, state and offset in one transaction, or none of it. What the interval made is handed to the client here;
    // the transaction ends beside the next interval, whose own waits for that (R11: if it fails, both are dropped).
    private void Commit()
    {
        _commit.Finish();
        var partition = _source.Partition.Value;
        _producer.BeginTransaction();
        _progress.Begun();
        _context.Fault?.Invoke(CommitPoint.BeforeSend, partition);
        _processor.OnCommit(_context.Time.GetUtcNow(), _output);
        _snapshots?.TakeIfNoted(_processor, _output, _position);
        _output.SavePosition(_position);
        _context.Fault?.Invoke(CommitPoint.AfterSend, partition);
        var (producer, position, records) = (_producer, _position, _uncommitted);
        _uncommitted = 0;
        _commit.Begin(() => EndTransaction(producer, position, records));
    }

    // On the commit's own thread.
    private void EndTransaction(IProducer<byte[], byte[]> producer, long position, long records)
    {
        var partition = _source.Partition.Value;
        // Always sent, so that the group fences a member it has replaced (R8). The order matters: metadata read before the
        // check is of a generation in which this partition was ours.
        var member = _context.Consumer.ConsumerGroupMetadata;
        if (_drop)
            throw new TaskRevokedException();
        Retry(() => producer.SendOffsetsToTransaction([new TopicPartitionOffset(_source, position)], member, CallTimeout));
        _context.Fault?.Invoke(CommitPoint.AfterOffsets, partition);
        Retry(() => producer.CommitTransaction(CallTimeout));
        _context.Fault?.Invoke(CommitPoint.AfterCommit, partition);
        _progress.Committed(position, records, _context.Time.GetUtcNow());
        _snapshots?.Committed();
    }

    // Retriable errors: again, with jitter, while the transaction can still live.
    private void Retry(Action call)
    {
        var start = _context.Time.GetTimestamp();
        while (true)
        {
            try
            {
                call();
                return;
            }
            catch (KafkaRetriableException) when (!_drop && _context.Time.GetElapsedTime(start) < CallTimeout)
            {
                Pause(TimeSpan.FromMilliseconds(Random.Shared.Next(20, 100)));
            }
        }
    }
}
