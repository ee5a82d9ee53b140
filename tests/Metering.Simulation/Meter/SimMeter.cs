using Metering.Kafka.Tasks;
using Metering.Pipeline.Meter;
using Metering.Simulation.Kafka;

namespace Metering.Simulation.Meter;

/// <summary>
/// METER's task on one partition, the real processor under a host in the order of R8: init, committed offset, changelog,
/// input. A commit goes in small steps, between which anything may happen; the next interval is processed meanwhile.
/// </summary>
internal sealed class SimMeter
{
    private readonly SimKafka _kafka;
    private readonly int _partition;
    private readonly SimProducer _producer;
    private readonly MeterProcessor _processor;
    private Commit? _commit;
    private long _position;
    private bool _hasWork;

    /// <param name="compacted">The changelog holds only the last record of each key, as the broker may leave it.</param>
    public SimMeter(SimKafka kafka, int partition, MeterContext context, bool compacted)
    {
        (_kafka, _partition) = (kafka, partition);
        _producer = kafka.Init(partition);
        _position = kafka.MeterOffsets[partition];
        _processor = new MeterProcessor(partition, context);
        foreach (var (key, value) in Changes(kafka.Changelog[partition], compacted))
            _processor.Restore(key, value);
    }

    public int Partition => _partition;

    /// <summary>Everything there is has been taken and committed.</summary>
    public bool IsIdle => _commit is null && !_hasWork && _position == _kafka.Input[_partition].End && !_processor.IsIdleCommitDue(_kafka.Now);

    public void Process(int records)
    {
        for (; records > 0 && _position < _kafka.Input[_partition].End && !_processor.WantsCommit; records--, _position++)
        {
            var record = _kafka.Input[_partition][_position];
            var result = _processor.Process(new InputRecord
            {
                Partition = _partition,
                Offset = record.Offset,
                ArrivedAtMs = record.ArrivedAtMs,
                Key = record.Key,
                Value = record.Value,
                Headers = record.Headers,
            });
            if (result == ProcessResult.Wait)
                return;
            _hasWork = true;
        }
    }

    /// <summary>One step of the commit under way, or the first of a new one.</summary>
    /// <returns>True when the transaction is ready and the next step ends it.</returns>
    public bool StepCommit()
    {
        if (_commit is null)
        {
            if (!_hasWork && !_processor.IsIdleCommitDue(_kafka.Now))
                return false;
            _commit = new Commit(_position);
            _hasWork = false;
            _processor.OnCommit(_kafka.Now, _commit);
            _producer.Begin();
        }
        else if (_commit.Records.TryDequeue(out var next))
        {
            _producer.Send(LogOf(next), next.Key, next.Value, next.Headers);
        }
        else if (!_commit.HasOffset)
        {
            _producer.SendOffset(_commit.Position);
            _commit.HasOffset = true;
        }
        else
        {
            _producer.Commit();
            _commit = null;
        }
        return _commit is { HasOffset: true };
    }

    public static IEnumerable<(byte[] Key, byte[] Value)> Changes(SimLog log, bool compacted)
    {
        var records = log.ReadCommitted(0).ToList();
        if (!compacted)
            return records.Select(record => (record.Key!, record.Value));
        var last = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var record in records)
            last[Convert.ToHexString(record.Key!)] = record.Offset;
        return records.Where(record => last[Convert.ToHexString(record.Key!)] == record.Offset).Select(record => (record.Key!, record.Value));
    }

    private SimLog LogOf(Output output) => output.Topic switch
    {
        "" => _kafka.Changelog[_partition],
        "metered-blocks" => _kafka.Blocks[output.Partition!.Value],
        "usage-deltas" => _kafka.UsageDeltas,
        "signals" => _kafka.Signals,
        _ => _kafka.DeadLetters,
    };

    private sealed record Output(string Topic, int? Partition, byte[] Key, byte[] Value, RecordHeader[] Headers);

    private sealed class Commit(long position) : ITransactionOutput
    {
        public long Position { get; } = position;

        public Queue<Output> Records { get; } = [];

        public bool HasOffset { get; set; }

        public void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null) =>
            Records.Enqueue(new Output(topic, partition, key.ToArray(), value.ToArray(), [.. (headers ?? []).Select(header => new RecordHeader(header.Name, header.Value.ToArray()))]));

        public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Records.Enqueue(new Output("", null, key.ToArray(), value.ToArray(), []));
    }
}
