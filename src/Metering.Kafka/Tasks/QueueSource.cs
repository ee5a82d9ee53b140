using System.Runtime.InteropServices;
using Confluent.Kafka;
using Metering.Kafka.Native;

namespace Metering.Kafka.Tasks;

/// <summary>
/// Takes records in batches from the consumer's own queue, a call a batch, and leaves their bytes where the client has them: no
/// copy, no object a record. When nothing is at hand it waits by Consume, so that what the client does there (errors of
/// callbacks, the poll's deadline) is done as ever. The batches hold native memory: all are cleared before the consumer goes.
/// </summary>
internal sealed unsafe class QueueSource : IBatchSource, IDisposable
{
    private const int BatchSize = RecordBatch.Capacity;

    private readonly ConsumeSource _waiting;
    private readonly string _topic;
    private readonly SafeHandle _handle;
    private readonly Librdkafka.Message** _messages;
    private nint _queue;

    public QueueSource(IConsumer<byte[], byte[]> consumer, string topic)
    {
        _topic = topic;
        _waiting = new(consumer);
        _handle = Librdkafka.HandleOf(consumer);
        var held = false;
        _handle.DangerousAddRef(ref held);
        _queue = Librdkafka.ConsumerQueue(_handle.DangerousGetHandle());
        _messages = (Librdkafka.Message**)NativeMemory.Alloc(BatchSize, (nuint)sizeof(nint));
    }

    public void Take(IRecordRouter router, TimeSpan wait)
    {
        while (router.WantsMore)
        {
            var count = (int)Librdkafka.ConsumeBatch(_queue, 0, _messages, BatchSize);
            if (count < 0)
                throw new KafkaException(Librdkafka.LastError());
            if (count == 0 && !_waiting.TakeOne(router, wait))
                return;
            RouteAll(router, count);
            wait = TimeSpan.Zero;
        }
    }

    // A message that nobody lets go of would hold up the consumer's end for ever: also when the router throws.
    private void RouteAll(IRecordRouter router, int count)
    {
        var next = 0;
        try
        {
            while (next < count)
            {
                var message = _messages[next];
                // The batch lets go of the message when it is cleared.
                if (!TryAdd(router, message))
                    Librdkafka.Destroy(message);
                next++;
            }
        }
        finally
        {
            for (; next < count; next++)
                Librdkafka.Destroy(_messages[next]);
        }
    }

    private bool TryAdd(IRecordRouter router, Librdkafka.Message* message)
    {
        if (message->Error == ErrorCode.NoError)
        {
            if (router.BatchFor(message->Partition, message->Offset) is not { } batch)
                return false;
            batch.Add(message);
            return true;
        }
        if (message->Error == ErrorCode.Local_PartitionEOF)
            router.AtEnd(message->Partition, message->Offset);
        else
        {
            var reason = Marshal.PtrToStringUTF8((nint)Librdkafka.ErrorText(message)) ?? "";
            router.Failed(new(_topic, message->Partition), new(message->Error, reason, message->Error == ErrorCode.Local_Fatal));
        }
        return false;
    }

    public void Dispose()
    {
        if (_queue == 0)
            return;
        Librdkafka.DestroyQueue(_queue);
        NativeMemory.Free(_messages);
        _handle.DangerousRelease();
        _queue = 0;
    }
}
