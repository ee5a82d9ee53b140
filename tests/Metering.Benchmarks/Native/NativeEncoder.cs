using System.Buffers;
using Metering.ClickHouse.Native;

namespace Metering.Benchmarks.Native;

/// <summary>The 41 columns of a token event as METER appends them.</summary>
internal sealed class NativeEncoder
{
    private static readonly string[] Operations = ["chat", "completion", "embedding", "rerank", "other"];
    private static readonly string[] Statuses = ["ok", "error", "cancelled", "cut", "rejected"];
    private static readonly string[] Outcomes = ["unknown", "success", "failure"];

    private readonly NativeRows _rows;
    private readonly LowCardinalityColumn[] _names;
    private readonly FixedColumn<long>[] _numbers;
    private readonly StringColumn[] _texts;
    private readonly FixedColumn<long> _eventTime;
    private readonly FixedColumn<long> _arrivedAt;
    private readonly NullableColumn<long> _admittedAt;
    private readonly NullableColumn<long> _promptHash;
    private readonly FixedColumn<sbyte> _operation;
    private readonly FixedColumn<sbyte> _status;
    private readonly FixedColumn<sbyte> _outcome;
    private readonly FixedColumn<bool> _estimated;
    private readonly FixedColumn<bool> _streamed;
    private readonly FixedColumn<byte> _priced;
    private readonly TextMapColumn _tags;

    public NativeEncoder(NativeRows rows)
    {
        _rows = rows;
        _names = [.. NativeRows.NameFields.Select(Block.LowCardinality)];
        _numbers = [.. NativeRows.NumberFields.Select(Block.Int64)];
        _texts = [Block.String("request_id"), Block.String("lease_id"), Block.String("parent_request_id"), Block.String("user")];
        _eventTime = Block.DateTime64Micros("event_time");
        _arrivedAt = Block.DateTime64Millis("arrived_at");
        _admittedAt = Block.NullableDateTime64Micros("admitted_at");
        _promptHash = Block.NullableInt64("prompt_hash");
        _operation = Block.Enum8("operation", Operations);
        _status = Block.Enum8("status", Statuses);
        _outcome = Block.Enum8("outcome", Outcomes);
        _estimated = Block.Bool("tokens_estimated");
        _streamed = Block.Bool("streamed");
        _priced = Block.UInt8("priced");
        _tags = Block.Map("tags");
    }

    public NativeBlock Block { get; } = new();

    /// <summary>Encodes rows [from, to) as one block.</summary>
    public void Encode(int from, int to, IBufferWriter<byte> output)
    {
        Block.Reset();
        for (var row = from; row < to; row++)
            Append(row);
        Block.WriteTo(output);
    }

    private void Append(int row)
    {
        for (var i = 0; i < _names.Length; i++)
            _names[i].Append(_rows.Name(row, i));
        for (var i = 0; i < _numbers.Length; i++)
            _numbers[i].Append(_rows.Number(row, i));
        _texts[0].Append(_rows.RequestId(row));
        for (var i = 1; i < _texts.Length; i++)
            _texts[i].Append([]);
        var timeMicros = NativeRows.TimeMicros(row);
        _eventTime.Append(timeMicros);
        _arrivedAt.Append(timeMicros / 1000);
        _admittedAt.Append(timeMicros - 1000);
        _promptHash.AppendNull();
        _operation.Append(0);
        _status.Append((sbyte)(row % 50 == 0 ? 1 : 0));
        _outcome.Append(0);
        _estimated.Append(false);
        _streamed.Append(row % 2 == 0);
        _priced.Append(1);
        if (row % 4 == 0)
            _tags.Add("team"u8, _rows.Name(row, 3));
        _tags.Append();
        Block.EndRow();
    }
}
