namespace Metering.Pipeline.Blocks;

/// <summary>
/// Rows kept apart by the month of their time. The ledger's tables are partitioned by month and write one part a month,
/// so that a block of one month is in the ledger whole or not at all, whatever happens in mid-insert (R19).
/// </summary>
internal sealed class MonthlyRows<TRows>(Func<TRows> create)
    where TRows : class, ILedgerRows
{
    /// <summary>A live flow has one month, two at a month's turn; more are a replay of old data.</summary>
    private const int KeptMonths = 3;

    private readonly Dictionary<int, TRows> _byMonth = [];
    private TRows? _current;
    private long _currentFromMicros, _currentToMicros;

    /// <summary>Every month's rows, also the empty ones.</summary>
    public Dictionary<int, TRows>.ValueCollection All => _byMonth.Values;

    /// <summary>The rows of the month of a time, in Unix microseconds.</summary>
    public TRows At(long micros) =>
        _current is not null && micros >= _currentFromMicros && micros < _currentToMicros ? _current : Switch(micros);

    /// <summary>Called when all rows are sent: gives back the memory of a replay's many months.</summary>
    public void Trim()
    {
        if (_byMonth.Count <= KeptMonths)
            return;
        _byMonth.Clear();
        _current = null;
    }

    private TRows Switch(long micros)
    {
        var time = DateTimeOffset.UnixEpoch.AddMicroseconds(micros);
        var first = new DateTimeOffset(time.Year, time.Month, 1, 0, 0, 0, TimeSpan.Zero);
        _currentFromMicros = first.ToUnixTimeMilliseconds() * 1000;
        _currentToMicros = first.AddMonths(1).ToUnixTimeMilliseconds() * 1000;
        var month = (time.Year * 12) + time.Month;
        if (!_byMonth.TryGetValue(month, out _current))
            _byMonth.Add(month, _current = create());
        return _current;
    }
}
