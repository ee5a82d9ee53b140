using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Leases.Governor;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Core.Tests.Leases;

public sealed class LeaseGovernorTests
{
    private static readonly AccountKey Key = new("tenant=acme", LimitUnit.Tokens, LimitPeriod.Hour);

    private readonly LeaseTable _table = new(0);

    public LeaseGovernorTests() => _table.Governor.SetLimits(Key, [new("p", 1_000)]);

    [Fact]
    public void R25_Apply_of_the_same_request_again_grants_once()
    {
        Apply(1, want: 300);
        Apply(1, want: 300);
        _table.Commit();
        Apply(1, want: 300);
        Apply(2, want: 300);
        _table.Commit();
        var grant = Assert.Single(_table.Grants);
        Assert.Equal((300, 1, LeaseTable.Noon), (grant.Amount, grant.Answers, grant.WindowId));
    }

    [Fact]
    public void R25_Reports_that_come_late_or_out_of_order_take_nothing_back()
    {
        var lease = Grant(300);
        Apply(4, reports: new LeaseReport(lease, LeaseTable.Noon, 200, 0, 50, 7, false));
        Apply(3, reports: new LeaseReport(lease, LeaseTable.Noon, 100, 200, 0, 0, false));
        Assert.Equal(300 - 50 + 7, Figures.Charged);
        Apply(5, reports: new LeaseReport(lease, LeaseTable.Noon, 250, 0, 50, 7, true));
        Apply(4, reports: new LeaseReport(lease, LeaseTable.Noon, 200, 0, 50, 7, false));
        _table.Commit();
        Assert.Equal((257, 0), (Figures.Charged, Figures.OnLoan));
        Assert.Equal(lease, Assert.Single(_table.Control.OfType<LeaseTombstone>()).LeaseId);
        Apply(6, reports: new LeaseReport(lease, LeaseTable.Noon, 0, 0, 300, 0, true));
        _table.Commit();
        Assert.Equal(257, Figures.Charged);
    }

    [Fact]
    public void R25_A_report_of_another_gateways_lease_changes_nothing()
    {
        var lease = Grant(300);
        _table.Governor.Apply(Request("thief", 1, 0, 0, new LeaseReport(lease, LeaseTable.Noon, 0, 0, 300, 0, true)));
        _table.Commit();
        Assert.Equal(300, Figures.Charged);
    }

    [Fact]
    public void R23_Usage_without_a_lease_is_charged_to_the_window_that_admitted_it()
    {
        _table.Governor.AddUnleased(Key, LeaseTable.Noon + 5, 400);
        _table.Governor.AddUnleased(Key, LeaseTable.Noon - 5, 300); // a window that is over
        _table.Governor.AddUnleased(Key, LeaseTable.Noon + 7_200_000_000, 50); // a clock that is ahead
        Assert.Equal((450, 450, 550), (Figures.Charged, Figures.Unleased, Figures.Left));
    }

    [Fact]
    public void R28_A_debt_is_taken_from_what_is_left()
    {
        var lease = Grant(500);
        Apply(2, reports: new LeaseReport(lease, LeaseTable.Noon, 500, 0, 0, 600, true));
        Apply(3, want: 500, must: 500);
        _table.Commit();
        Assert.Equal((1_100, 0), (Figures.Charged, Figures.Left));
        Assert.Single(_table.Grants);
        Assert.Equal(3_600_000, Assert.Single(_table.Control.OfType<LeaseRefusal>()).RetryAfterMs);
    }

    [Fact]
    public void R30_Renaming_lowering_and_deleting_a_policy_reset_nothing()
    {
        Grant(500);
        _table.Governor.SetLimits(Key, [new("q", 800), new("r", 900)]);
        Assert.Equal(("q", 800, 500, 300), (Figures.Policy, Figures.Limit, Figures.Charged, Figures.Left));
        _table.Governor.SetLimits(Key, []);
        _table.Commit();
        _table.Governor.SetLimits(Key, [new("s", 400)]);
        Assert.Equal((500, 0), (Figures.Charged, Figures.Left));
    }

    [Fact]
    public void R27_Now_never_goes_back_and_windows_do_not_reopen()
    {
        _table.Governor.Arrived(LeaseTable.Noon + 3_600_000_001);
        _table.Commit(); // by a clock that is an hour behind
        Assert.Equal(LeaseTable.Noon + 3_600_000_001, _table.Governor.NowMicros);
        Apply(1, want: 10);
        _table.Commit();
        Assert.Equal(LeaseTable.Noon + 3_600_000_000, Assert.Single(_table.Grants).WindowId);
    }

    [Fact]
    public void R24_Versions_grow_through_a_takeover_with_a_clock_that_is_behind()
    {
        _table.Pass(5_000);
        Grant(100);
        var last = _table.Grants.Last();
        var behind = new LeaseTable(0);
        foreach (var (key, value) in _table.State.Values)
            behind.Governor.Restore(key, value);
        behind.Governor.SetLimits(Key, [new("p", 1_000)]);
        behind.Governor.Apply(Request("gw", 9, 300, 0));
        behind.Commit();
        var next = Assert.Single(behind.Grants);
        Assert.True(next.Version > last.Version);
        Assert.NotEqual(last.LeaseId, next.LeaseId);
        Assert.Equal(200, next.Amount);
    }

    [Fact]
    public void R9_A_restored_governor_has_the_same_figures()
    {
        var lease = Grant(300);
        Apply(2, reports: new LeaseReport(lease, LeaseTable.Noon, 10, 20, 30, 4, false));
        _table.Governor.AddUnleased(Key, LeaseTable.Noon, 5);
        _table.Commit();
        var before = Figures;
        _table.FailOver((Key, new HardLimit("p", 1_000)));
        Assert.Equal(before, Figures);
        var all = new List<string>();
        _table.Governor.SaveAllTo((key, value) => all.Add(Convert.ToHexString(key) + Convert.ToHexString(value)));
        Assert.Equal(_table.State.Values.Select(record => Convert.ToHexString(record.Key) + Convert.ToHexString(record.Value)).Order(), all.Order());
    }

    [Theory]
    [InlineData("4C", "01")]
    [InlineData("4C78", "01")]
    [InlineData("4C6C05000000000000006162636465", "02")]
    [InlineData("4C6C05000000000000006162636465", "01FFFFFFFFFFFFFF7F")]
    [InlineData("4C63", "0100")]
    public void Restore_of_a_damaged_record_is_refused(string key, string value) =>
        Assert.Throws<InvalidDataException>(() => _table.Governor.Restore(Convert.FromHexString(key), Convert.FromHexString(value)));

    [Fact]
    public void Decide_shares_evenly_and_keeps_half_for_who_asks_later()
    {
        foreach (var gateway in (string[])["a", "b"])
            _table.Governor.Apply(Request(gateway, 1, 300, 0));
        _table.Governor.Apply(Request("c", 1, 60, 0));
        _table.Commit();
        Assert.Equal([("a", 220), ("b", 220), ("c", 60)], _table.Grants.Select(grant => (grant.Gateway, (int)grant.Amount)).Order());
    }

    [Fact]
    public void R29_Who_has_waited_longest_gets_its_whole_need_first()
    {
        _table.Governor.Apply(Request("young", 1, 700, 700, sinceMicros: 20));
        _table.Governor.Apply(Request("old", 1, 600, 600, sinceMicros: 10));
        Assert.True(_table.Governor.IsUrgent);
        _table.Commit();
        Assert.Equal(("old", 600), (_table.Grants.First().Gateway, _table.Grants.First().Amount));
    }

    [Fact]
    public void R29_A_need_that_cannot_be_met_recalls_the_unused_leases_of_others()
    {
        _table.Governor.SetLimits(Key, [new("p", 600)]);
        var lease = Grant(300);
        Apply(2);
        _table.Governor.Apply(Request("other", 1, 500, 500));
        _table.Commit();
        var recall = Assert.Single(_table.Grants, grant => grant.IsRecalled);
        Assert.Equal((lease, 300), (recall.LeaseId, recall.Amount));
        Apply(3, reports: new LeaseReport(lease, LeaseTable.Noon, 100, 0, 200, 0, true));
        Assert.True(_table.Governor.IsUrgent);
        _table.Commit();
        Assert.Equal(("other", 500), (_table.Grants.Last().Gateway, _table.Grants.Last().Amount));
    }

    [Fact]
    public void R29_An_expired_lease_counts_as_spent_until_a_late_report_settles_it()
    {
        var lease = Grant(300);
        _table.Pass(20 * 60_000);
        Assert.Equal((300, 0), (Figures.Charged, Figures.WrittenOff));
        Apply(2, reports: new LeaseReport(lease, LeaseTable.Noon, 20, 0, 280, 0, true));
        _table.Commit();
        Assert.Equal(20, Figures.Charged);
    }

    [Fact]
    public void R29_What_nobody_reports_is_written_off_visibly_after_the_stated_time()
    {
        var day = Key with { Per = LimitPeriod.Day };
        _table.Governor.SetLimits(day, [new("p", 1_000)]);
        _table.Governor.Apply(Request("gw", 1, 300, 0) with { Account = day });
        _table.Commit();
        _table.Pass((65 * 60_000) - 50);
        Assert.Equal(0, _table.Governor.Figures(day)!.Value.WrittenOff);
        _table.Pass(100);
        Assert.Equal((300, 300, 0), (_table.Governor.Figures(day)!.Value.Charged, _table.Governor.Figures(day)!.Value.WrittenOff, _table.Governor.Figures(day)!.Value.OnLoan));
        Assert.Single(_table.Control.OfType<LeaseTombstone>());
    }

    [Fact]
    public void R26_State_is_dropped_once_windows_are_over_and_settled()
    {
        Grant(300);
        _table.Governor.SetLimits(Key, []);
        _table.Pass(66 * 60_000);
        Assert.Equal(0, _table.Governor.Accounts);
        Assert.Single(_table.State); // the clock
    }

    [Fact]
    public void R27_A_lease_never_lives_beyond_its_window_and_the_next_windows_first_is_granted_before_it_opens()
    {
        _table.Governor.Arrived(LeaseTable.Noon + 3_600_000_000 - 3_000_500);
        _table.Governor.Apply(Request("gw", 1, 100, 0) with { WantNext = 70 });
        _table.Commit();
        Assert.Equal(
            [(100, 0, 3_000, LeaseTable.Noon), (70, 3_001, 303_001, LeaseTable.Noon + 3_600_000_000)],
            _table.Grants.Select(grant => ((int)grant.Amount, grant.OpensInMs, grant.TtlMs, grant.WindowId)));
    }

    [Fact]
    public void R29_EndGateway_settles_a_dead_gateways_leases_at_what_was_metered()
    {
        var lease = Grant(300);
        Apply(2, reports: new LeaseReport(lease, LeaseTable.Noon, 40, 100, 0, 0, false));
        _table.Governor.AddMetered(lease, 90);
        _table.Governor.AddMetered(lease, 25);
        _table.Governor.AddMetered("0-unknown", 1_000);
        _table.Commit();
        Assert.Equal(300, Figures.Charged); // nothing proves that no more comes

        _table.Governor.EndGateway("gw");
        Assert.True(_table.Governor.IsUrgent);
        Apply(3, want: 500, must: 500); // late, in a dead gateway's name
        _table.Commit();
        Assert.Equal((115, 0, 0), (Figures.Charged, Figures.OnLoan, Figures.WrittenOff));
        Assert.Equal(lease, Assert.Single(_table.Control.OfType<LeaseTombstone>()).LeaseId);
        Assert.Single(_table.Grants);
    }

    [Fact]
    public void R29_EndGateway_never_settles_for_less_than_was_reported_and_more_than_was_granted_is_a_debt()
    {
        var lease = Grant(300);
        Apply(2, reports: new LeaseReport(lease, LeaseTable.Noon, 120, 0, 50, 0, false));
        _table.Governor.AddMetered(lease, 100);
        _table.Governor.EndGateway("gw");
        _table.Commit();
        Assert.Equal(120, Figures.Charged);

        _table.Governor.Apply(Request("other", 1, 200, 200));
        _table.Commit();
        _table.Governor.AddMetered(_table.Grants.Last().LeaseId, 230);
        _table.Governor.EndGateway("other");
        _table.Commit();
        Assert.Equal(120 + 230, Figures.Charged);
    }

    [Fact]
    public void R29_What_was_metered_survives_a_takeover_R9()
    {
        var lease = Grant(300);
        _table.Governor.AddMetered(lease, 70);
        _table.Commit();
        _table.FailOver((Key, new HardLimit("p", 1_000)));
        _table.Governor.AddMetered(lease, 5);
        _table.Governor.EndGateway("gw");
        _table.Commit();
        Assert.Equal(75, Figures.Charged);
    }

    private AccountFigures Figures => _table.Governor.Figures(Key)!.Value;

    private static LeaseRequest Request(string gateway, long number, long want, long must, params LeaseReport[] reports) => Request(gateway, number, want, must, 1, reports);

    private static LeaseRequest Request(string gateway, long number, long want, long must, long sinceMicros, params LeaseReport[] reports) =>
        new(Key, gateway, number, want, must, must, must > 0 ? sinceMicros : 0, 0, reports);

    private void Apply(long number, long want = 0, long must = 0, params LeaseReport[] reports) => _table.Governor.Apply(Request("gw", number, want, must, reports));

    private string Grant(long amount)
    {
        Apply(1, want: amount, must: amount);
        _table.Commit();
        return _table.Grants.Last().LeaseId;
    }
}
