using Metering.Kafka.Tasks;
using Streamiz.Kafka.Net;
using Streamiz.Kafka.Net.Crosscutting;
using Streamiz.Kafka.Net.Processors;
using Streamiz.Kafka.Net.State;
using Streamiz.Kafka.Net.State.Enumerator;
using Streamiz.Kafka.Net.State.Supplier;

namespace Metering.Streamiz.Tasks;

/// <summary>
/// The innermost store of a task: in memory, and the memory is the processor's own. Streamiz restores it from the changelog,
/// record by record, and flushes it before each commit; what is put into the store around it goes to the changelog.
/// </summary>
internal sealed class TaskStore(HostSession session) : IKeyValueStore<Bytes, byte[]>, IStateChangelog
{
    private IKeyValueStore<byte[], byte[]> _logged = null!;
    private HostedTask? _task;

    public string Name => session.Options.Stage;

    /// <summary>Never: a store on disk has counted twice after an unclean stop, for Streamiz does not wipe one that has no checkpoint.</summary>
    public bool Persistent => false;

    public bool IsLocally => true;

    public bool IsOpen => _task is not null;

    public void Init(ProcessorContext context, IStateStore root)
    {
        _logged = (IKeyValueStore<byte[], byte[]>)root;
        var task = _task = session.Open(context.Id.Partition, this);
        context.Register(root, (key, value, _) => task.Restore(key.Get, value));
    }

    public void Flush() => _task?.Send();

    public void Close()
    {
        if (_task is { } task)
            session.Close(task);
        _task = null;
    }

    void IStateChangelog.Put(ReadOnlySpan<byte> key, byte[]? value) => _logged.Put(key.ToArray(), value!);

    // From the store around it: the processor has it already.
    public void Put(Bytes key, byte[] value)
    {
    }

    public byte[] PutIfAbsent(Bytes key, byte[] value) => throw Unused();

    public void PutAll(IEnumerable<KeyValuePair<Bytes, byte[]>> entries) => throw Unused();

    public byte[] Delete(Bytes key) => throw Unused();

    public byte[] Get(Bytes key) => throw Unused();

    public IKeyValueEnumerator<Bytes, byte[]> Range(Bytes from, Bytes to) => throw Unused();

    public IKeyValueEnumerator<Bytes, byte[]> ReverseRange(Bytes from, Bytes to) => throw Unused();

    public IEnumerable<KeyValuePair<Bytes, byte[]>> All() => throw Unused();

    public IEnumerable<KeyValuePair<Bytes, byte[]>> ReverseAll() => throw Unused();

    public long ApproximateNumEntries() => 0;

    private static NotSupportedException Unused() => new("The state is the processor's: it is saved and restored, not asked.");
}

/// <summary>Makes a store for each task of a run.</summary>
internal sealed class TaskStoreSupplier(HostSession session) : IKeyValueBytesStoreSupplier
{
    public string Name { get; set; } = session.Options.Stage;

    public string MetricsScope => "processor";

    public IKeyValueStore<Bytes, byte[]> Get() => new TaskStore(session);
}
