using Metering.ClickHouse.Native;
using Metering.Events;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Meter.Rows;

/// <summary>Dead letters as rows of <c>metering.dead_letters</c>: where and why. The originals are in the topic.</summary>
internal sealed class DeadLetterRows : ILedgerRows
{
    private readonly FixedColumn<long> _arrivedAt, _offset, _valueLength;
    private readonly LowCardinalityColumn _topic, _reason;
    private readonly FixedColumn<int> _partition;
    private readonly StringColumn _detail, _source;
    private readonly NullableColumn<long> _epoch, _sequence;

    public DeadLetterRows()
    {
        _arrivedAt = Block.DateTime64Millis("arrived_at");
        _topic = Block.LowCardinality("topic");
        _partition = Block.Int32("partition");
        _offset = Block.Int64("offset");
        _reason = Block.LowCardinality("reason");
        _detail = Block.String("detail");
        _source = Block.String("source");
        _epoch = Block.NullableInt64("epoch");
        _sequence = Block.NullableInt64("sequence");
        _valueLength = Block.Int64("value_length");
    }

    public string Table => "dead_letters";

    public bool IsCounted => true;

    public NativeBlock Block { get; } = new();

    public void Add(DeadLetter letter, ReadOnlySpan<byte> reason)
    {
        _arrivedAt.Append(letter.ArrivedAtMicros / 1000);
        _topic.Append(System.Text.Encoding.UTF8.GetBytes(letter.Topic));
        _partition.Append(letter.Partition);
        _offset.Append(letter.Offset);
        _reason.Append(reason);
        _detail.Append(System.Text.Encoding.UTF8.GetBytes(letter.Detail));
        _source.Append(System.Text.Encoding.UTF8.GetBytes(letter.Source ?? ""));
        _epoch.Append(letter.Epoch);
        _sequence.Append(letter.Sequence);
        _valueLength.Append(letter.ValueLength);
        Block.EndRow();
    }
}
