using Metering.ClickHouse.Native;
using Metering.Core.Sources;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Meter.Rows;

/// <summary>Accounts as rows of <c>metering.source_accounts</c>: absolute values, of which the table keeps the newest.</summary>
internal sealed class AccountRows : ILedgerRows
{
    private readonly LowCardinalityColumn _source;
    private readonly FixedColumn<long> _epoch, _published, _received, _metered, _rejected, _duplicate, _tooOldToTell, _unnumbered, _highestSequence, _inFlight, _lost, _lastArrival;
    private readonly FixedColumn<Int128> _inputTokens, _outputTokens;
    private readonly NullableColumn<long> _maxAhead;

    public AccountRows()
    {
        _source = Block.LowCardinality("source");
        _epoch = Block.Int64("epoch");
        _published = Block.Int64("published");
        _received = Block.Int64("received");
        _metered = Block.Int64("metered");
        _rejected = Block.Int64("rejected");
        _duplicate = Block.Int64("duplicate");
        _tooOldToTell = Block.Int64("too_old_to_tell");
        _unnumbered = Block.Int64("unnumbered");
        _highestSequence = Block.Int64("highest_sequence");
        _inFlight = Block.Int64("in_flight");
        _lost = Block.Int64("lost");
        _inputTokens = Block.Int128("input_tokens");
        _outputTokens = Block.Int128("output_tokens");
        _lastArrival = Block.DateTime64Millis("last_arrival");
        _maxAhead = Block.NullableInt64("max_ahead_ms");
    }

    public string Table => "source_accounts";

    public bool IsCounted => false;

    public NativeBlock Block { get; } = new();

    public void Add(EpochAccount account, in LossFigures figures)
    {
        _source.Append(account.Source);
        _epoch.Append(account.Epoch);
        _published.Append(figures.Published);
        _received.Append(account.Received);
        _metered.Append(account.Metered);
        _rejected.Append(account.Rejected);
        _duplicate.Append(account.Duplicate);
        _tooOldToTell.Append(account.TooOldToTell);
        _unnumbered.Append(account.Unnumbered + account.Unplaced);
        _highestSequence.Append(account.Sequences.Highest);
        _inFlight.Append(figures.InFlight);
        _lost.Append(figures.Lost);
        _inputTokens.Append(account.InputTokens);
        _outputTokens.Append(account.OutputTokens);
        _lastArrival.Append(account.LastArrivalMs);
        _maxAhead.Append(account.MaxAheadMs);
        Block.EndRow();
    }
}
