namespace Metering.Client.Spool;

/// <summary>
/// What one epoch of the source accepted and what became of it: the content of its report (R6). Absolute values. An epoch
/// that is used again (a replay of the same file) keeps one account, in which every value only grows.
/// The appender's thread writes the accepted side, the sender's thread the other; reports read both.
/// </summary>
internal sealed class EpochAccount(long epoch)
{
    private readonly Lock _gate = new();
    private long _lastSequence;
    private long _inputTokens;
    private long _outputTokens;
    private long _settledSequence;
    private long _expired;
    private long _damaged;
    private int _runs;
    private bool _closed;

    public long Epoch { get; } = epoch;

    public Figures Read()
    {
        lock (_gate)
            return new Figures(Epoch, _lastSequence, _inputTokens, _outputTokens, _settledSequence, _expired, _damaged, _runs, _closed);
    }

    /// <summary>An event was accepted; the sums are those of the run so far.</summary>
    public void Accepted(long sequence, long inputTokensSum, long outputTokensSum)
    {
        lock (_gate)
        {
            if (sequence <= _lastSequence)
                return;
            _lastSequence = sequence;
            _inputTokens = inputTokensSum;
            _outputTokens = outputTokensSum;
        }
    }

    /// <summary>All up to this sequence are acknowledged, expired or damaged.</summary>
    public void Settled(long sequence)
    {
        lock (_gate)
            _settledSequence = Math.Max(_settledSequence, sequence);
    }

    public void AddExpired(long events)
    {
        lock (_gate)
            _expired += events;
    }

    public void AddDamaged(long events)
    {
        lock (_gate)
            _damaged += events;
    }

    public void Close()
    {
        lock (_gate)
            _closed = true;
    }

    /// <summary>A run of the publisher begins to use this epoch.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _runs++;
            _closed = false;
        }
    }

    public static EpochAccount From(Figures saved) => new(saved.Epoch)
    {
        _lastSequence = saved.LastSequence,
        _inputTokens = saved.InputTokens,
        _outputTokens = saved.OutputTokens,
        _settledSequence = saved.SettledSequence,
        _expired = saved.Expired,
        _damaged = saved.Damaged,
        _runs = saved.Runs,
        _closed = saved.Closed,
    };

    /// <param name="SettledSequence">All up to this one are acknowledged, expired or damaged.</param>
    /// <param name="Expired">Accepted, then too old to be sent.</param>
    /// <param name="Damaged">Accepted, then unreadable in the spool.</param>
    /// <param name="Runs">How many runs of the publisher used this epoch: more than one for a replay of the same file.</param>
    public readonly record struct Figures(
        long Epoch, long LastSequence, long InputTokens, long OutputTokens, long SettledSequence, long Expired, long Damaged, int Runs, bool Closed)
    {
        public long Acknowledged => Math.Max(0, SettledSequence - Expired - Damaged);

        public long Spooled => Math.Max(0, LastSequence - SettledSequence);
    }
}
