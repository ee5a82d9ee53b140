using System.Buffers;
using Metering.Core.Sources;
using Metering.Kafka.Tasks;

namespace Metering.Pipeline.Meter;

/// <summary>
/// Sends accounts to the ledger, the changed ones at most once a second, and retires those that have been idle for 30
/// days by the broker's time (R2). After a restart every account counts as changed: whether its last report was
/// committed is not asked, for reports are absolute.
/// </summary>
internal sealed class AccountReporter(SourceTable sources)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan KeepIdle = TimeSpan.FromDays(30);
    private static readonly TimeSpan RetireEvery = TimeSpan.FromHours(1);

    private readonly HashSet<EpochAccount> _unreported = new(ReferenceEqualityComparer.Instance);
    private DateTimeOffset _reportedAt = DateTimeOffset.MinValue;
    private long _latestArrivalMs;
    private long _retiredAtMs;
    private bool _reportsAll = true;

    public void Touch(EpochAccount account)
    {
        _unreported.Add(account);
        _latestArrivalMs = Math.Max(_latestArrivalMs, account.LastArrivalMs);
    }

    public bool IsDue(DateTimeOffset now) => (_unreported.Count > 0 || (_reportsAll && sources.Count > 0)) && now - _reportedAt >= Interval;

    public void Report(DateTimeOffset now, MeterOutput output)
    {
        if (!IsDue(now))
            return;
        foreach (var account in _reportsAll ? sources.All() : _unreported)
            output.AddAccount(account);
        _unreported.Clear();
        _reportsAll = false;
        _reportedAt = now;
    }

    /// <summary>Forgets what has been idle for too long: its changelog record becomes a tombstone.</summary>
    public void Retire(ITransactionOutput output, ArrayBufferWriter<byte> key)
    {
        if (_latestArrivalMs - _retiredAtMs < RetireEvery.TotalMilliseconds)
            return;
        _retiredAtMs = _latestArrivalMs;
        var idleBefore = _latestArrivalMs - (long)KeepIdle.TotalMilliseconds;
        foreach (var account in sources.All().Where(account => account.LastArrivalMs < idleBefore && !_unreported.Contains(account)).ToArray())
        {
            key.ResetWrittenCount();
            EpochAccountCodec.WriteKey(key, account);
            output.SaveState(key.WrittenSpan, []);
            sources.Remove(account.Source, account.Epoch);
        }
    }
}
