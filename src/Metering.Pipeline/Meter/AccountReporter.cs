using System.Buffers;
using Metering.Core.Sources;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Meter.Losses;

namespace Metering.Pipeline.Meter;

/// <summary>
/// Sends accounts to the ledger, the changed ones at most once a second, and retires those that have been idle for 30
/// days by the broker's time (R2). After a restart every account is reported once: whether its last report was committed
/// is not asked, for reports are absolute.
/// </summary>
internal sealed class AccountReporter(SourceTable sources, LossKeeper losses)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan KeepIdle = TimeSpan.FromDays(30);
    private static readonly TimeSpan RetireEvery = TimeSpan.FromHours(1);

    private readonly HashSet<EpochAccount> _unreported = new(ReferenceEqualityComparer.Instance);
    private DateTimeOffset? _reportedAt;
    private long _latestArrivalMs;
    private long _retiredAtMs;

    /// <summary>What was not reported since it changed; loss accounting adds what it judges anew.</summary>
    public HashSet<EpochAccount> Unreported => _unreported;

    public void Touch(EpochAccount account, long arrivedAtMs)
    {
        _unreported.Add(account);
        _latestArrivalMs = Math.Max(_latestArrivalMs, arrivedAtMs);
    }

    /// <summary>A clock that was set back must not silence the reports until it has caught up.</summary>
    public bool IsDue(DateTimeOffset now) => _reportedAt is { } last
        ? _unreported.Count > 0 && (now - last >= Interval || now < last)
        : sources.Count > 0;

    public void Report(DateTimeOffset now, MeterOutput output)
    {
        if (!IsDue(now))
            return;
        foreach (var account in _reportedAt is null ? sources.All() : _unreported)
        {
            var figures = losses.FiguresOf(account);
            // Known by its report only, and nothing judged yet: it may have been forgotten, and the ledger knows it better.
            if (account.Received == 0 && figures == default)
                continue;
            output.AddAccount(account, figures);
            account.Reported();
        }
        _unreported.Clear();
        _reportedAt = now;
    }

    /// <summary>Forgets what has been idle for too long: its changelog record becomes a tombstone. What is idle since the last
    /// time shrinks to its watermark and open gaps. Both the broker's clock
    /// and ours must say so, lest one that leaps ahead forgets sources that are alive. The account of records without a
    /// source stays: in the ledger its next value replaces this one.</summary>
    public void Retire(DateTimeOffset now, ITransactionOutput output, ArrayBufferWriter<byte> key)
    {
        var nowMs = Math.Min(_latestArrivalMs, now.ToUnixTimeMilliseconds());
        if (nowMs - _retiredAtMs < RetireEvery.TotalMilliseconds)
            return;
        _retiredAtMs = nowMs;
        var idleBefore = nowMs - (long)KeepIdle.TotalMilliseconds;
        foreach (var account in sources.All().Where(account => account.LastArrivalMs < nowMs - (long)RetireEvery.TotalMilliseconds).ToArray())
        {
            if (losses.HeardAtMs(account) >= idleBefore || account.Source.Length == 0 || _unreported.Contains(account))
            {
                account.Sequences.Trim();
                continue;
            }

            key.ResetWrittenCount();
            EpochAccountCodec.WriteKey(key, account);
            output.SaveState(key.WrittenSpan, []);
            losses.Retire(account, output, key);
            sources.Remove(account.Source, account.Epoch);
        }
    }
}
