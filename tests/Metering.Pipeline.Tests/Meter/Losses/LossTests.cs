using System.Text;
using Metering.Core.Sources;
using Metering.Events;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter.Losses;

/// <summary>Losses over commits, crashes and time: what the ledger, the signals and the metrics say of them.</summary>
public sealed class LossTests
{
    private readonly MeterHarness _meter = new();

    [Fact]
    public async Task R3_A_gap_that_stays_is_lost_after_the_grace_time_and_told_once_with_source_and_range()
    {
        await _meter.TakeAsync(Event(1), Event(5));
        Pass(59);
        Assert.Empty(_meter.Signals);
        Assert.Equal((3L, 0L), (Account()["in_flight"], Account()["lost"]));
        Pass(1);
        Pass(600);
        var signal = Assert.Single(_meter.Signals);
        Assert.Equal(("source=gateway-1", SignalKind.Alert, "lost", SignalState.Firing, SignalSeverity.Critical), (signal.Scope, signal.Kind, signal.Name, signal.State, signal.Severity));
        Assert.Equal((Epoch, 3L, 5L, "2–4", 60_000L), (signal.Figures["epoch"], signal.Figures["lost"], signal.Figures["highest_sequence"], signal.Texts["ranges"], signal.WindowMs));
        Assert.Contains("source gateway-1, epoch 42: 3 events are lost (sequences 2–4)", signal.Message);
        Assert.Equal((0L, 3L), (Account()["in_flight"], Account()["lost"]));
        Assert.Equal((3, 0), (_meter.Context.Counters.Lost(0), _meter.Context.Counters.Missing(0)));
    }

    [Fact]
    public async Task A_signal_is_a_row_of_the_ledger_too()
    {
        await _meter.TakeAsync(Event(1), Event(3));
        Pass(61);
        var row = Assert.Single(_meter.Rows("signals"));
        Assert.Equal(("source=gateway-1", "alert", "lost", "firing", "critical"), (row.Text("scope"), row.Text("kind"), row.Text("name"), row.Text("state"), row.Text("severity")));
        Assert.Contains(("lost", "1"), ((string, string)[])row["figures"]!);
        Assert.Contains(("ranges", "2"), ((string, string)[])row["texts"]!);
        Assert.Equal(_meter.Signals[0].AtMicros, row.Int64("at"));
    }

    [Fact]
    public async Task R3_Late_events_lower_lost_and_the_last_ends_the_finding()
    {
        await _meter.TakeAsync(Event(1), Event(4));
        Pass(61);
        await _meter.TakeAsync(Event(2));
        Pass(2);
        Assert.Equal(1L, Account()["lost"]);
        Assert.Single(_meter.Signals);
        await _meter.TakeAsync(Event(3));
        Pass(2);
        Assert.Equal(0L, Account()["lost"]);
        Assert.Equal([SignalState.Firing, SignalState.Resolved], _meter.Signals.Select(signal => signal.State));
        Assert.Equal(0, _meter.Context.Counters.Lost(0));
        Assert.DoesNotContain(_meter.State().Keys, key => key.StartsWith("6C", StringComparison.Ordinal)); // nothing is left of it
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R9_A_takeover_repeats_no_signal_and_knows_what_is_lost(bool compacted)
    {
        await _meter.TakeAsync(Event(1), Event(4));
        Pass(61);
        _meter.Crash(compacted);
        Pass(600);
        Assert.Single(_meter.Signals);
        Assert.Equal((0L, 2L), (Account()["in_flight"], Account()["lost"]));
        await _meter.TakeAsync(Event(2), Event(3));
        Pass(2);
        Assert.Equal([SignalState.Firing, SignalState.Resolved], _meter.Signals.Select(signal => signal.State));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R9_A_checkpoint_outlives_a_takeover_and_a_signal_that_was_not_committed_is_told_again(bool compacted)
    {
        await _meter.TakeAsync(Event(1), Event(4));
        Pass(30);
        _meter.Crash(compacted);
        _meter.Time.Advance(TimeSpan.FromSeconds(1));
        _meter.Commit();
        _meter.Time.Advance(TimeSpan.FromSeconds(60));
        _meter.CommitAndLoseIt();
        Assert.Empty(_meter.Signals);
        Pass(61);
        Assert.Single(_meter.Signals);
    }

    [Fact]
    public async Task R9_A_gap_whose_checkpoint_was_not_saved_is_judged_though_the_partition_stays_quiet()
    {
        await _meter.TakeAsync(Event(1));
        await _meter.TakeAsync(Event(4)); // within a second of the last look: the account is saved, a checkpoint is not
        _meter.Crash(compacted: true);
        Pass(200);
        Assert.Equal("2–3", Assert.Single(_meter.Signals).Texts["ranges"]);
    }

    [Fact]
    public async Task R8_What_waits_unread_after_a_takeover_is_not_lost()
    {
        await _meter.TakeAsync(Event(1), Event(4));
        Pass(10);
        _meter.Add(Event(2)); // they came in time, while METER was away
        _meter.Add(Event(3));
        _meter.Crash(compacted: false);
        _meter.Time.Advance(TimeSpan.FromHours(1));
        _meter.Commit();
        await _meter.RunAsync();
        Pass(600);
        Assert.Empty(_meter.Signals);
        Assert.Equal((0L, 0L), (Account()["in_flight"], Account()["lost"]));
    }

    [Fact]
    public async Task A_quiet_partition_comes_to_its_verdict_by_idle_commits()
    {
        await _meter.TakeAsync(Event(1), Event(3));
        _meter.Commit();
        Assert.False(_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow()));
        _meter.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.True(_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow()));
        _meter.Commit();
        Pass(3);
        Assert.Single(_meter.Signals);
        Assert.False(_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow() + TimeSpan.FromDays(1)));
    }

    [Fact]
    public async Task R6_What_the_source_says_the_broker_has_and_no_event_shows_is_lost_too()
    {
        await _meter.TakeAsync(Event(1), Event(2));
        Report(last: 6, settled: 5);
        Pass(130);
        var signal = Assert.Single(_meter.Signals);
        Assert.Equal(("lost", 3L, "3–5"), (signal.Name, signal.Figures["lost"], signal.Texts["ranges"]));
        Assert.Equal((5L, 0L, 3L, 2L), (Account()["published"], Account()["in_flight"], Account()["lost"], Account()["highest_sequence"]));
        await _meter.TakeAsync(Event(3), Event(4), Event(5));
        Pass(2);
        Assert.Equal((5L, 0L, 0L), (Account()["published"], Account()["in_flight"], Account()["lost"]));
        Assert.Equal(SignalState.Resolved, _meter.Signals[^1].State);
    }

    [Fact]
    public void R6_An_epoch_of_which_nothing_came_is_lost_as_well()
    {
        Report(last: 4, settled: 4);
        Pass(130);
        Assert.Equal("1–4", Assert.Single(_meter.Signals).Texts["ranges"]);
        Assert.Equal((4L, 4L, 0L), (Account()["published"], Account()["lost"], Account()["received"]));
        _meter.Crash(compacted: true);
        Pass(130);
        Assert.Single(_meter.Signals);
    }

    [Fact]
    public void R2_A_closed_report_of_an_epoch_that_is_not_remembered_tells_of_no_loss()
    {
        Report(last: 4, settled: 4, isClosed: true);
        Pass(130);
        Assert.Empty(_meter.Signals);
    }

    [Fact]
    public async Task R6_A_source_that_reports_less_than_came_is_told_when_it_begins_and_when_it_is_over()
    {
        await _meter.TakeAsync(Event(1), Event(2), Event(3));
        Report(last: 1, settled: 1);
        Pass(600);
        var signal = Assert.Single(_meter.Signals);
        Assert.Equal(("under_reported", SignalState.Firing, SignalSeverity.Warning), (signal.Name, signal.State, signal.Severity));
        Assert.Equal((Epoch, 1L, 3L, 3L), (signal.Figures["epoch"], signal.Figures["reported"], signal.Figures["metered"], signal.Figures["highest_sequence"]));
        Assert.Contains("gateway-1, epoch 42: its newest report knows of events up to sequence 1", signal.Message);
        _meter.Crash(compacted: true);
        Pass(600);
        Report(last: 3, settled: 3);
        Pass(130);
        Assert.Equal([SignalState.Firing, SignalState.Resolved], _meter.Signals.Select(one => one.State));
    }

    [Fact]
    public async Task R6_A_source_that_reports_other_tokens_than_came_is_told()
    {
        await _meter.TakeAsync(Event(1), Event(2));
        Report(last: 2, settled: 2, inputTokens: 19);
        Pass(130);
        Assert.Equal("under_reported", Assert.Single(_meter.Signals).Name);
        Report(last: 2, settled: 2, inputTokens: 21);
        Pass(130);
        Assert.Equal([("under_reported", SignalState.Firing), ("under_reported", SignalState.Resolved), ("over_reported", SignalState.Firing)], _meter.Signals.Select(signal => (signal.Name, signal.State)));
    }

    [Fact]
    public async Task Sources_that_report_the_truth_or_nothing_are_no_finding()
    {
        for (var second = 1; second <= 200; second++)
        {
            await _meter.TakeAsync(Event(second), Event(second, "foreign"));
            Report(last: second - 1, settled: second - 1);
            Pass(1);
        }
        Report(last: 200, settled: 200);
        Pass(600);
        Assert.Empty(_meter.Signals);
        Assert.DoesNotContain(_meter.State().Keys, key => key.StartsWith("6C", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_signal_about_a_source_of_the_longest_name_with_many_gaps_fits_a_record_R15()
    {
        var source = new string('/', 512);
        for (var i = 1; i <= 400; i++)
            _meter.Add(Event(i * 1_000_000_000_000L, source));
        await _meter.RunAsync();
        _meter.Commit();
        Pass(61);
        var signal = Assert.Single(_meter.Signals);
        Assert.EndsWith("and 380 ranges more", signal.Texts["ranges"]);
    }

    private NativeRow Account() => _meter.Accounts[("gateway-1", Epoch)];

    /// <summary>A host's clock: it asks four times a second and commits when the processor wants it.</summary>
    private void Pass(int seconds)
    {
        for (var i = 0; i < 4 * seconds; i++)
        {
            _meter.Time.Advance(TimeSpan.FromMilliseconds(250));
            if (_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow()))
                _meter.Commit();
        }
    }

    private void Report(long last, long settled, long? inputTokens = null, bool isClosed = false) => Assert.True(_meter.Context.Reports.TryPut(
        $"gateway-1/{Epoch}",
        new EpochReport(Encoding.UTF8.GetBytes("gateway-1"), Epoch, _meter.Time.GetUtcNow().ToUnixTimeMilliseconds(), last, settled, inputTokens ?? (last * 10), last * 5, isClosed),
        out _));
}
