using Metering.Core.Sources;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Duplicates, gaps and accounts over commits, crashes and time.</summary>
public sealed class AccountsTests
{
    private readonly MeterHarness _meter = new();

    [Fact]
    public async Task R3_An_event_that_comes_twice_is_metered_once()
    {
        await _meter.TakeAsync(Event(1), Event(2), Event(1));
        await _meter.TakeAsync(Event(2), Event(3));
        Assert.Equal([1, 2, 3], _meter.Events.Select(row => row.Int64("sequence")));
        Assert.Equal((3L, 2L), (_meter.Context.Counters.Metered, _meter.Context.Counters.Duplicate));
    }

    [Fact]
    public async Task R3_A_late_event_fills_its_gap_and_lowers_lost()
    {
        await _meter.TakeAsync(Event(1), Event(5));
        Assert.Equal((3L, 0L), (Account()["in_flight"], Account()["lost"]));
        _meter.Time.Advance(_meter.Context.LossGrace);
        await _meter.TakeAsync(Event(3));
        Assert.Equal((0L, 2L), (Account()["in_flight"], Account()["lost"]));
        _meter.Time.Advance(TimeSpan.FromSeconds(1));
        await _meter.TakeAsync(Event(2));
        Assert.Equal((0L, 1L), (Account()["in_flight"], Account()["lost"]));
        Assert.Equal(5L, Account()["highest_sequence"]);
        AssertBalances();
    }

    [Fact]
    public async Task R31_How_far_a_source_s_clock_is_ahead_is_measured_from_one_report_to_the_next()
    {
        await _meter.TakeAsync(Event(1), Event(2).With(e => e.EventTimeMicros = NowMicros + 5_000_000), Event(3));
        Assert.Equal(5_000L, _meter.Rows("source_accounts").Last()["max_ahead_ms"]);
        _meter.Time.Advance(TimeSpan.FromSeconds(1));
        await _meter.TakeAsync(Event(4)); // of two seconds before it arrives
        Assert.Equal(-2_000L, _meter.Rows("source_accounts").Last()["max_ahead_ms"]);
        _meter.Crash(compacted: false);
        _meter.Time.Advance(TimeSpan.FromSeconds(1));
        _meter.Commit();
        Assert.Null(_meter.Rows("source_accounts").Last()["max_ahead_ms"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R8_R11_A_crash_before_the_commit_takes_the_interval_again_and_nothing_twice(bool compacted)
    {
        await _meter.TakeAsync(Event(1), Event(3));
        await _meter.TakeAsync(Event(4));
        _meter.Add(Event(2));
        _meter.Add(Event(3));
        _meter.Add(Event(5));
        await _meter.RunAsync();
        _meter.Crash(compacted);
        await _meter.RunAsync();
        _meter.CommitAndLoseIt();
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal([1, 2, 3, 4, 5], _meter.Events.Select(row => row.Int64("sequence")).Order());
    }

    [Fact]
    public async Task R9_The_changelog_holds_absolute_values()
    {
        await _meter.TakeAsync(Event(1), Event(2));
        await _meter.TakeAsync(Event(3));
        var (key, value) = _meter.Committed.Changelog[^1];
        var account = EpochAccountCodec.Read(key, value);
        Assert.Equal((3L, 3L, 3L), (account.Received, account.Metered, account.Sequences.Highest));
        Assert.Equal(30, account.InputTokens);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R9_After_a_restart_each_account_is_reported_once_with_its_last_value(bool compacted)
    {
        await _meter.TakeAsync(Event(1), Event(1, "b"));
        await _meter.TakeAsync(Event(2));
        await _meter.TakeAsync(Event(3));
        _meter.Crash(compacted);
        var before = _meter.Committed.Blocks.Count;
        Assert.True(_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow()));
        _meter.Commit();
        var rows = Assert.Single(_meter.Committed.Blocks.Skip(before)).Rows;
        Assert.Equal(["b 1", "gateway-1 3"], rows.Select(row => $"{row["source"]} {row["received"]}").Order());
        Assert.False(_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow() + TimeSpan.FromHours(1)));
    }

    [Fact]
    public async Task R6_Accounts_are_reported_once_a_second_and_also_when_nothing_more_comes()
    {
        await _meter.TakeAsync(Event(1));
        await _meter.TakeAsync(Event(2));
        Assert.Single(_meter.Rows("source_accounts"));
        Assert.False(_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow()));
        _meter.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow()));
        _meter.Commit();
        Assert.Equal(2L, Account()["metered"]);
    }

    [Fact]
    public async Task R6_A_clock_that_is_set_back_does_not_silence_the_reports()
    {
        await _meter.TakeAsync(Event(1));
        await _meter.TakeAsync(Event(2));
        Assert.True(_meter.Processor.IsIdleCommitDue(_meter.Time.GetUtcNow() - TimeSpan.FromDays(1)));
    }

    [Fact]
    public async Task R6_An_account_lies_behind_the_rows_that_it_counts()
    {
        await _meter.TakeAsync([.. Enumerable.Range(1, 9000).Select(i => Event(i))]);
        Assert.True(_meter.Committed.Blocks.Count > 2, "one block only: the test shows nothing");
        Assert.Equal("source_accounts", _meter.Committed.Blocks[^1].Block.Table);
        Assert.Equal(9000L, Account()["metered"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R2_An_epoch_idle_for_30_days_by_arrival_is_forgotten_for_good(bool compacted)
    {
        await _meter.TakeAsync(Event(1, "old"), Event(1, "young"));
        _meter.Time.Advance(TimeSpan.FromDays(29));
        await _meter.TakeAsync(Now(Event(2, "young")));
        Assert.DoesNotContain(_meter.Committed.Changelog, record => record.Value.Length == 0);
        _meter.Time.Advance(TimeSpan.FromDays(2));
        await _meter.TakeAsync(Now(Event(3, "young")));
        var tombstone = Assert.Single(_meter.Committed.Changelog, record => record.Value.Length == 0);
        Assert.Equal("old"u8, EpochAccountCodec.SourceOf(tombstone.Key));
        _meter.Crash(compacted);
        _meter.Commit();
        Assert.DoesNotContain(_meter.Committed.Blocks[^1].Rows, row => row.Text("source") == "old");
        await _meter.TakeAsync(Now(Event(3, "young")));
        Assert.Equal(3, _meter.Events.Count(row => row.Text("source") == "young"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R2_An_epoch_that_comes_back_after_it_was_forgotten_is_a_new_one_and_its_books_balance(bool compacted)
    {
        await ForgetAsync("old", 7);
        _meter.Crash(compacted);
        // What was before cannot be told any more: it is missing, and told as lost after the grace time; its events are not refused.
        await _meter.TakeAsync(Now(Event(8, "old")), Now(Event(8, "old")), Now(Event(9, "old")));
        Assert.Equal([8, 9], _meter.Events.Where(row => row.Text("source") == "old").Select(row => row.Int64("sequence")).TakeLast(2));
        var account = _meter.Rows("source_accounts").Last(row => row.Text("source") == "old");
        Assert.Equal((3L, 2L, 1L, 7L, 9L), (account["received"], account["metered"], account["duplicate"], account["in_flight"], account["highest_sequence"]));
        _meter.Crash(compacted);
        await _meter.TakeAsync(Now(Event(9, "old")));
        Assert.Equal(2, _meter.Context.Counters.Duplicate);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R2_A_source_s_new_epoch_lives_on_when_the_old_one_is_forgotten(bool compacted)
    {
        await _meter.TakeAsync(Event(1, "pod", epoch: 1), Event(2, "pod", epoch: 1));
        _meter.Time.Advance(TimeSpan.FromDays(20));
        await _meter.TakeAsync(Now(Event(1, "pod", epoch: 2)));
        _meter.Time.Advance(TimeSpan.FromDays(11));
        // In the interval that forgets the old epoch, and again after it.
        await _meter.TakeAsync(Now(Event(2, "pod", epoch: 2)), Now(Event(1, "pod", epoch: 2)));
        Assert.Equal(1, EpochAccountCodec.EpochOf(Assert.Single(_meter.Committed.Changelog, record => record.Value.Length == 0).Key));
        _meter.Crash(compacted);
        await _meter.TakeAsync(Now(Event(2, "pod", epoch: 2)), Now(Event(3, "pod", epoch: 2)));
        Assert.Equal([1, 2, 3], _meter.Events.Where(row => row.Int64("epoch") == 2).Select(row => row.Int64("sequence")));
        Assert.Equal(2, _meter.Context.Counters.Duplicate);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R2_R9_Idle_epochs_keep_their_open_gaps_over_days_and_a_restart(bool compacted)
    {
        await _meter.TakeAsync(Event(1, "idle"), Event(5, "idle"), Event(3, "idle"));
        _meter.Time.Advance(TimeSpan.FromDays(14));
        await _meter.TakeAsync(Now(Event(1)));
        _meter.Crash(compacted);
        _meter.Time.Advance(TimeSpan.FromDays(14));
        await _meter.TakeAsync(Now(Event(2)), Now(Event(3, "idle")), Now(Event(4, "idle")), Now(Event(6, "idle")));
        Assert.Equal([1, 5, 3, 4, 6], _meter.Events.Where(row => row.Text("source") == "idle").Select(row => row.Int64("sequence")));
        Assert.Equal((1L, 6L), (_meter.Accounts[("idle", Epoch)]["lost"], _meter.Accounts[("idle", Epoch)]["highest_sequence"]));
    }

    [Fact]
    public async Task R2_A_broker_clock_that_leaps_ahead_forgets_nobody()
    {
        await _meter.TakeAsync(Event(1));
        _meter.Add(Event(1, "b"), _meter.Time.GetUtcNow().AddDays(400).ToUnixTimeMilliseconds());
        await _meter.RunAsync();
        _meter.Commit();
        _meter.Time.Advance(TimeSpan.FromHours(2));
        await _meter.TakeAsync(Event(1));
        Assert.Equal(1, _meter.Context.Counters.Duplicate);
    }

    [Fact]
    public async Task R6_The_account_of_records_without_a_source_is_never_forgotten()
    {
        _meter.Add("k"u8.ToArray(), []);
        await _meter.TakeAsync(Event(1));
        _meter.Time.Advance(TimeSpan.FromDays(60));
        await _meter.TakeAsync(Now(Event(2)));
        _meter.Add("k"u8.ToArray(), []);
        _meter.Time.Advance(TimeSpan.FromDays(1));
        await _meter.TakeAsync(Now(Event(3)));
        Assert.Equal(2L, _meter.Accounts[("", 0)]["rejected"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R7_An_event_without_a_sequence_is_metered_once_within_the_window_also_over_a_crash(bool compacted)
    {
        await _meter.TakeAsync(Unnumbered("r1"), Unnumbered("r2"), Unnumbered("r1"));
        _meter.Crash(compacted);
        await _meter.TakeAsync(Unnumbered("r1"), Unnumbered("r3"), Unnumbered("r1").With(e => e.Attempt = 2), Unnumbered("r1").With(e => e.Operation = Events.Operation.Rerank));
        Assert.Equal(5, _meter.Events.Length);
        Assert.Equal(2, _meter.Context.Counters.Duplicate);
        _meter.Time.Advance(TimeSpan.FromSeconds(1));
        _meter.Commit();
        Assert.Equal((5L, 2L, 0L), (Account()["unnumbered"], Account()["duplicate"], Account()["highest_sequence"]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R7_The_window_holds_its_size_over_commits_and_a_crash(bool compacted)
    {
        const int Total = 70_000;
        for (var i = 0; i < Total; i++)
        {
            _meter.Add(Unnumbered($"r{i}"));
            if (i % 900 == 0)
            {
                await _meter.RunAsync();
                _meter.Commit();
            }
        }
        await _meter.RunAsync();
        _meter.Commit();
        _meter.Crash(compacted);
        var known = _meter.Context.Counters.Duplicate;
        for (var i = Total - IdWindow.MinRemembered; i < Total; i++)
            _meter.Add(Unnumbered($"r{i}"));
        await _meter.RunAsync();
        Assert.Equal(IdWindow.MinRemembered, _meter.Context.Counters.Duplicate - known);
    }

    [Fact]
    public async Task R2_Epochs_of_a_source_are_accounted_for_apart()
    {
        await _meter.TakeAsync(Event(1, epoch: 2), Event(1, epoch: 1), Event(2, epoch: 2), Event(1, epoch: 2));
        Assert.Equal(3, _meter.Events.Length);
        Assert.Equal((3L, 1L), (_meter.Accounts[("gateway-1", 2)]["received"], _meter.Accounts[("gateway-1", 1)]["received"]));
    }

    [Fact]
    public async Task R3_What_is_older_than_all_that_is_remembered_is_a_dead_letter_and_the_books_balance()
    {
        // 2,050 gaps of one: the two oldest are forgotten.
        await _meter.TakeAsync([.. Enumerable.Range(1, 2050).Select(i => Event(2 * i))]);
        await _meter.TakeAsync(Event(1), Event(2), Event(2), Event(3), Event(4), Event(5));
        _meter.Time.Advance(TimeSpan.FromSeconds(1));
        _meter.Commit();
        Assert.Equal(4, _meter.Letters.Length);
        Assert.All(_meter.Letters, letter => Assert.Equal(Events.DeadLetterReason.TooOldToTell, letter.Reason));
        Assert.Contains("sequence 1 of epoch 42", _meter.Letters[0].Detail);
        Assert.Equal(2051, _meter.Events.Length);
        // 1 and 3 were missing where nothing is remembered; two more letters than that have no place. 5 has filled its gap.
        Assert.Equal((4L, 4L, 2L, 2047L), (Account()["rejected"], Account()["too_old_to_tell"], Account()["unnumbered"], Account()["in_flight"]));
        Assert.Equal(0L, Account()["lost"]);
        AssertBalances();
    }

    [Fact]
    public async Task R9_What_a_processor_saves_whole_is_what_its_changelog_holds_and_it_goes_on_from_either()
    {
        var other = new MeterHarness();
        foreach (var meter in new[] { _meter, other })
        {
            await meter.TakeAsync([.. Enumerable.Range(1, 3_000).Select(i => Unnumbered($"r{i}"))]);
            await meter.TakeAsync(Event(1), Event(9), Event(4, "b"), Event(4, "b", epoch: 2), Event(1, "old"));
            meter.Add("k"u8.ToArray(), []);
            meter.Time.Advance(TimeSpan.FromDays(31));
            await meter.TakeAsync(Now(Event(5)), Now(Event(1, "c")));
        }
        Assert.Contains(_meter.Committed.Changelog, record => record.Value.Length == 0);
        var saved = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Assert.True(_meter.Processor.TrySaveAll((key, value) => saved.Add(Convert.ToHexString(key), Convert.ToHexString(value))));
        Assert.Equal(_meter.State(), saved);
        _meter.CrashWithSnapshot();
        other.Crash(compacted: true);
        foreach (var meter in new[] { _meter, other })
        {
            meter.Time.Advance(TimeSpan.FromSeconds(2));
            await meter.TakeAsync(Now(Event(5)), Now(Event(6)), Now(Event(1, "c")), Now(Event(3, "b")), Unnumbered("r2999"), Unnumbered("r3001"));
        }
        Assert.Equal(other.State(), _meter.State());
        Assert.Equal(other.Accounts.OrderBy(account => account.Key).Select(account => account.Value.ToString()), _meter.Accounts.OrderBy(account => account.Key).Select(account => account.Value.ToString()));
        Assert.Equal(other.Events.Length, _meter.Events.Length);
    }

    private async Task ForgetAsync(string source, int events)
    {
        await _meter.TakeAsync([.. Enumerable.Range(1, events).Select(i => Event(i, source))]);
        _meter.Time.Advance(TimeSpan.FromDays(31));
        await _meter.TakeAsync(Now(Event(1, "young")));
        Assert.Single(_meter.Committed.Changelog, record => record.Value.Length == 0);
    }

    private NativeRow Account() => _meter.Accounts[("gateway-1", Epoch)];

    private void AssertBalances()
    {
        var account = Account();
        long Of(string column) => account.Int64(column);
        Assert.Equal(Of("received"), Of("metered") + Of("rejected") + Of("duplicate"));
        Assert.Equal(Of("published"), Of("metered") + Of("rejected") + Of("in_flight") + Of("lost"));
        Assert.Equal(Of("published"), Of("highest_sequence") + Of("unnumbered"));
    }

    private Events.TokenEvent Now(Events.TokenEvent e) => e.With(changed => changed.EventTimeMicros = _meter.Time.GetUtcNow().ToUnixTimeMilliseconds() * 1000);

    private static Events.TokenEvent Unnumbered(string requestId) => Event(0).With(e => e.RequestId = requestId);
}
