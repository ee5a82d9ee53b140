using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Streamiz.Kafka.Net.Processors.Public;

namespace Metering.Streamiz.Tasks;

/// <summary>The topology's node: hands each record to the task of its partition. Streamiz makes one for each task.</summary>
internal sealed class TaskNode(HostSession session) : IProcessor<byte[], byte[]>
{
    private static readonly TimeSpan AskEvery = TimeSpan.FromMilliseconds(100);

    private ProcessorContext<byte[], byte[]> _context = null!;
    private HostedTask _task = null!;

    /// <summary>Streamiz's builder wants a sample that it never runs.</summary>
    public TaskNode()
        : this(null!)
    {
    }

    public void Init(ProcessorContext<byte[], byte[]> context)
    {
        _context = context;
        _task = session.Task(context.Id.Partition);
        context.Schedule(AskEvery, PunctuationType.PROCESSING_TIME, _ =>
        {
            if (_task.WantsIdleCommit())
                context.Commit();
        });
    }

    public void Process(Record<byte[], byte[]> record) => _task.Process(new InputRecord
    {
        Partition = _context.Partition.Value,
        Offset = _context.Offset,
        ArrivedAtMs = _context.Timestamp,
        Key = record.Key,
        Value = record.Value,
        Headers = RecordBatch.HeadersOf(record.Headers),
    });

    public void Close()
    {
    }
}
