using System.Buffers;
using Metering.Core.Sources;
using Metering.Events;
using Metering.Kafka.Tasks;

namespace Metering.Pipeline.Meter.Losses;

/// <summary>
/// Loss accounting of one partition: looks once a second, never per event, at the accounts that have changed, those under
/// watch and those with a new report; tells what is lost, and what a source does not report, as signals in the
/// interval's transaction. What was told is state, so that a takeover tells nothing twice and a crash nothing never.
/// </summary>
internal sealed class LossKeeper(int partition, MeterContext context, SourceTable sources)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>A report of an epoch that nothing has come of counts while its account, had there been one, would be kept (R2).</summary>
    private static readonly TimeSpan FreshReport = TimeSpan.FromDays(15);

    /// <summary>Told in one look, so that they fit their transaction (R15); a broker that lost data may have a finding for every epoch.</summary>
    private const int MaxSignals = 1_000;

    private readonly Dictionary<EpochAccount, EpochLoss> _losses = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<EpochAccount, LossState> _saved = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<EpochAccount> _unsaved = new(ReferenceEqualityComparer.Instance);
    private readonly ArrivalClock _clock = new((long)context.LossGrace.TotalMilliseconds);
    private readonly long _graceMs = (long)context.LossGrace.TotalMilliseconds;
    private DateTimeOffset? _lookedAt;
    private long _dueAtMs = long.MaxValue;
    private long _reportsSeen;

    public void Arrived(long arrivedAtMs) => _clock.Arrived(arrivedAtMs);

    /// <summary>A record waits for what it needs (R16): what is late may lie behind it.</summary>
    public void Held() => _clock.Held();

    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var source = EpochLossCodec.SourceOf(key);
        var epoch = EpochLossCodec.EpochOf(key);
        if (value.IsEmpty)
        {
            if (sources.Find(source, epoch) is { } gone)
                Drop(gone);
            return;
        }
        var account = sources.Get(source, epoch);
        var state = EpochLossCodec.ReadValue(value);
        (_losses[account] = new EpochLoss(account)).Restore(state);
        _saved[account] = state;
    }

    /// <summary>An account has left the changelog.</summary>
    public void Drop(EpochAccount account)
    {
        _losses.Remove(account);
        _saved.Remove(account);
        _unsaved.Remove(account);
    }

    /// <summary>An account leaves the changelog now.</summary>
    public void Retire(EpochAccount account, ITransactionOutput output, ArrayBufferWriter<byte> key)
    {
        if (_saved.ContainsKey(account))
            output.SaveState(KeyOf(account, key), []);
        Drop(account);
    }

    public LossFigures FiguresOf(EpochAccount account) => _losses.TryGetValue(account, out var loss) ? loss.Figures : LossFigures.Of(account, 0);

    /// <summary>When the epoch was last heard of: one of which nothing has come lives by its report.</summary>
    public long HeardAtMs(EpochAccount account) =>
        account.Received > 0 || !_losses.TryGetValue(account, out var loss) ? account.LastArrivalMs : loss.Report?.ArrivedAtMs ?? long.MaxValue;

    /// <summary>True when there is something to judge although nothing came.</summary>
    public bool IsDue(DateTimeOffset now)
    {
        var nowMs = _clock.At(now.ToUnixTimeMilliseconds());
        return IsTime(now) && (nowMs >= _dueAtMs || context.Reports.VersionOf(partition) != _reportsSeen);
    }

    /// <summary>A second has passed since the last look. A clock that was set back must not silence this until it has caught up.</summary>
    public bool IsTime(DateTimeOffset now) => _lookedAt is not { } last || now - last >= Interval || now < last;

    /// <summary>Judges what may have changed.</summary>
    /// <param name="changed">Accounts since the last time. An account whose losses have changed is added.</param>
    public void Look(DateTimeOffset now, HashSet<EpochAccount> changed, MeterOutput output)
    {
        var nowMs = _clock.At(now.ToUnixTimeMilliseconds());
        foreach (var account in _lookedAt is null ? sources.All() : changed)
            Watch(account, context.Reports.Find(partition, account.Source, account.Epoch));
        TakeReports(now);
        _lookedAt = now;
        _dueAtMs = long.MaxValue;
        var (lost, inFlight, signals) = (0L, 0L, 0);
        foreach (var loss in _losses.Values)
        {
            // What was judged has no more to tell: the next look goes on behind it.
            if (signals < MaxSignals)
                signals += Judge(loss, now, nowMs, changed, output);
            else
                _dueAtMs = 0;
            _dueAtMs = Math.Min(_dueAtMs, loss.DueAtMs(_graceMs));
            var figures = loss.Figures;
            (lost, inFlight) = (lost + figures.Lost, inFlight + figures.InFlight);
            if (loss.IsOver)
                _losses.Remove(loss.Account); // a removal does not disturb the enumeration
        }
        // The log's time is not known yet: as soon as it is, or the partition has been quiet for the grace time.
        if (nowMs == 0 && _losses.Count > 0)
            _dueAtMs = 1;
        context.Counters.SetMissing(partition, lost, inFlight);
    }

    public void Save(ITransactionOutput output, ArrayBufferWriter<byte> key, ArrayBufferWriter<byte> value)
    {
        foreach (var account in _unsaved)
        {
            var state = _losses.TryGetValue(account, out var loss) ? loss.State : default;
            value.ResetWrittenCount();
            if (state == default)
                _saved.Remove(account);
            else
                EpochLossCodec.WriteValue(value, _saved[account] = state);
            output.SaveState(KeyOf(account, key), value.WrittenSpan);
        }
        _unsaved.Clear();
    }

    /// <summary>All that was saved, for a snapshot right behind <see cref="Save"/>.</summary>
    public void SaveAllTo(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save, ArrayBufferWriter<byte> key, ArrayBufferWriter<byte> value)
    {
        foreach (var (account, state) in _saved)
        {
            value.ResetWrittenCount();
            EpochLossCodec.WriteValue(value, state);
            save(KeyOf(account, key), value.WrittenSpan);
        }
    }

    private void Watch(EpochAccount account, EpochReport? report)
    {
        if (_losses.TryGetValue(account, out var loss))
            loss.Report = report ?? loss.Report;
        else if (account.Source.Length > 0 && EpochLoss.IsNeeded(account, report))
            _losses.Add(account, new EpochLoss(account) { Report = report });
    }

    private void TakeReports(DateTimeOffset now)
    {
        var version = context.Reports.VersionOf(partition);
        if (version == _reportsSeen)
            return;
        foreach (var report in context.Reports.Since(partition, _reportsSeen))
        {
            if (sources.Find(report.Source, report.Epoch) is { } account)
                Watch(account, report);
            else if (IsOfSilence(report, now))
                Watch(sources.Get(report.Source, report.Epoch), report);
        }
        _reportsSeen = version;
    }

    /// <summary>An epoch of which the broker has events, and of which none has come: it is new, or all of it is lost. A closed one
    /// may have been retired long ago.</summary>
    private static bool IsOfSilence(EpochReport report, DateTimeOffset now) =>
        report is { SettledSequence: > 0, IsClosed: false } && now.ToUnixTimeMilliseconds() - report.ArrivedAtMs < FreshReport.TotalMilliseconds;

    /// <returns>The signals that it took.</returns>
    private int Judge(EpochLoss loss, DateTimeOffset now, long nowMs, HashSet<EpochAccount> changed, MeterOutput output)
    {
        if (nowMs == 0)
            return 0; // nothing has come since the start: what time it is in the log is not known
        var before = loss.Figures;
        var news = loss.Judge(nowMs, _graceMs);
        if (loss.Figures != before)
            changed.Add(loss.Account);
        if (loss.State != _saved.GetValueOrDefault(loss.Account))
            _unsaved.Add(loss.Account);
        var signals = 0;
        if (news.Lost != FindingNews.None)
            Tell(LossSignals.OfLost(loss, news.Lost, now, context.LossGrace));
        if (news.Report.Resolved != ReportFault.None)
            Tell(LossSignals.OfReport(loss, news.Report.Resolved, isFiring: false, now, context.LossGrace));
        if (news.Report.Firing != ReportFault.None)
            Tell(LossSignals.OfReport(loss, news.Report.Firing, isFiring: true, now, context.LossGrace));
        return signals;

        void Tell(Signal signal)
        {
            output.AddSignal(signal);
            signals++;
        }
    }

    private static ReadOnlySpan<byte> KeyOf(EpochAccount account, ArrayBufferWriter<byte> key)
    {
        key.ResetWrittenCount();
        EpochLossCodec.WriteKey(key, account);
        return key.WrittenSpan;
    }
}
