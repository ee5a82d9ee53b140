using System.Text;
using Metering.ClickHouse.Native;
using Metering.Events;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Signals;

/// <summary>Signals as rows of <c>metering.signals</c>.</summary>
internal sealed class SignalRows : ILedgerRows
{
    private readonly FixedColumn<long> _at, _windowMs;
    private readonly StringColumn _scope, _message;
    private readonly LowCardinalityColumn _kind, _name, _state, _severity;
    private readonly NumberMapColumn _figures;
    private readonly TextMapColumn _texts;

    public SignalRows()
    {
        _at = Block.DateTime64Micros("at");
        _scope = Block.String("scope");
        _kind = Block.LowCardinality("kind");
        _name = Block.LowCardinality("name");
        _state = Block.LowCardinality("state");
        _severity = Block.LowCardinality("severity");
        _windowMs = Block.Int64("window_ms");
        _figures = Block.NumberMap("figures");
        _texts = Block.Map("texts");
        _message = Block.String("message");
    }

    public string Table => "signals";

    public bool IsCounted => true;

    public NativeBlock Block { get; } = new();

    public void Add(Signal signal)
    {
        _at.Append(signal.AtMicros);
        _scope.Append(Utf8(signal.Scope));
        _kind.Append(Utf8(signal.Kind.Symbol()));
        _name.Append(Utf8(signal.Name));
        _state.Append(Utf8(signal.State.Symbol()));
        _severity.Append(Utf8(signal.Severity.Symbol()));
        _windowMs.Append(signal.WindowMs);
        foreach (var (name, figure) in signal.Figures)
            _figures.Add(Utf8(name), figure);
        _figures.Append();
        foreach (var (name, text) in signal.Texts)
            _texts.Add(Utf8(name), Utf8(text));
        _texts.Append();
        _message.Append(Utf8(signal.Message));
        Block.EndRow();
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
