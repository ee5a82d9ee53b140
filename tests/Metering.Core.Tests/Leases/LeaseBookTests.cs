using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Core.Tests.Leases;

public sealed class LeaseBookTests
{
    private static readonly AccountKey A = new("tenant=a", LimitUnit.Tokens, LimitPeriod.Hour);
    private static readonly AccountKey B = new("tenant=b", LimitUnit.Usd, LimitPeriod.Hour);

    private readonly LeaseTable _table = new(2);
    private readonly LeaseBook _book;
    private readonly BookAccount _a, _b;

    public LeaseBookTests()
    {
        _book = _table.Books[0];
        (_a, _b) = (_book.Account(A, new(0)), _book.Account(B, new(0)));
        _table.Governor.SetLimits(A, [new("a", 1_000)]);
        _table.Governor.SetLimits(B, [new("b", 100)]);
        _table.Commit();
    }

    [Fact]
    public void R29_Reserve_takes_all_accounts_or_none()
    {
        Hold(_a, 500).Settle();
        var free = _book.Available(_a, _table.Now);
        Assert.Equal(ReserveResult.Short, _book.Reserve([new(_a, 100), new(_b, 10)], _table.Now, out var none));
        Assert.Null(none);
        Assert.Equal(free, _book.Available(_a, _table.Now));
        var both = _table.Reserve(_book, new(_a, 100), new(_b, 10))!;
        Assert.Equal((100, 10, LeaseTable.Noon), (both.AmountOn(0), both.AmountOn(1), both.WindowOn(1)));
        Assert.NotNull(both.LeaseId);
    }

    [Fact]
    public void Settle_makes_the_rest_free_at_once_and_is_done_once()
    {
        var held = _table.Reserve(_book, new LeaseNeed(_a, 400))!;
        Assert.Equal(0, _book.Settle(held, [150], _table.Now));
        Assert.True(_book.Available(_a, _table.Now) >= 250);
        Assert.Throws<InvalidOperationException>(() => _book.Settle(held, [0], _table.Now));
    }

    [Fact]
    public void R28_Usage_above_the_reservation_takes_what_is_free_then_is_a_debt()
    {
        Hold(_a, 300).Settle();
        var held = _table.Reserve(_book, new LeaseNeed(_a, 200))!;
        var free = _book.Available(_a, _table.Now);
        Assert.Equal(0, _book.Settle(held, [200 + free], _table.Now));
        var last = _table.Reserve(_book, new LeaseNeed(_a, 100))!;
        var rest = _book.Available(_a, _table.Now);
        Assert.Equal(50, _book.Settle(last, [100 + rest + 50], _table.Now));
        _table.Pass(1_000);
        Assert.Equal(200 + free + 100 + rest + 50, _table.Governor.Figures(A)!.Value.Charged - _book.Available(_a, _table.Now));
    }

    [Fact]
    public void R25_Grants_of_other_instances_and_of_a_former_self_are_not_taken()
    {
        Hold(_a, 300).Settle();
        var reborn = new LeaseBook("gw0-again");
        var account = reborn.Account(A, new(0));
        foreach (var record in _table.Control)
            _table.Hear(reborn, record);
        Assert.Equal(0, reborn.Available(account, _table.Now));
    }

    [Fact]
    public void R25_Grants_that_come_again_at_any_time_bring_nothing_back()
    {
        var held = _table.Reserve(_book, new LeaseNeed(_a, 300))!;
        var free = _book.Available(_a, _table.Now);
        HearAllAgain();
        Assert.Equal(free, _book.Available(_a, _table.Now));
        _book.Settle(held, [300], _table.Now);
        _table.Pass(2_000);
        _book.Close(_table.Now);
        _table.Pass(2_000);
        Assert.NotEmpty(_table.Control.OfType<LeaseTombstone>());
        Assert.Equal(300, _table.Governor.Figures(A)!.Value.Charged);
        HearAllAgain();
        Assert.Equal(0, _book.Available(_a, _table.Now));
        _table.Pass(10 * 60_000);
        HearAllAgain();
        Assert.Equal(0, _book.Available(_a, _table.Now));
    }

    [Fact]
    public void R25_A_recall_that_comes_before_its_grant_wins()
    {
        _table.IsRequestLost = true;
        _book.Reserve([new(_a, 300)], _table.Now, out _);
        _table.Pass(10);
        var grant = new LeaseGrant(A, "a", "gw0", "L", 10, 300, LeaseTable.Noon, 0, 60_000, IsRecalled: false, 1) { Figures = default };
        _table.Hear(_book, grant with { Version = 11, IsRecalled = true });
        _table.Hear(_book, grant);
        Assert.Equal(0, _book.Available(_a, _table.Now));
        var report = Assert.Single(Collect().Single(request => request.Account == A).Leases);
        Assert.Equal(("L", 300, true), (report.LeaseId, report.Returned, report.IsClosed));
        _table.Hear(_book, new LeaseTombstone(A, "a", "gw0", "L"));
        _table.IsRequestLost = true;
        _table.Pass(100);
        _table.Hear(_book, grant);
        Assert.Equal(0, _book.Available(_a, _table.Now));
    }

    [Fact]
    public void R27_A_lease_admits_from_when_it_opens_until_its_time_from_the_request_is_over()
    {
        _table.IsRequestLost = true;
        _book.Reserve([new(_a, 300)], _table.Now, out _);
        _table.Pass(10);
        var sentAt = _table.Now;
        _table.Pass(500);
        var arrivedAt = _table.Now;
        _table.Hear(_book, new LeaseGrant(A, "a", "gw0", "L", 10, 300, LeaseTable.Noon, 200, 1_000, IsRecalled: false, 1) { Figures = default });
        Assert.Equal(0, _book.Available(_a, arrivedAt + 199_999));
        Assert.Equal(300, _book.Available(_a, arrivedAt + 200_000));
        Assert.Equal(300, _book.Available(_a, sentAt + 999_999));
        Assert.Equal(0, _book.Available(_a, sentAt + 1_000_000));
    }

    [Fact]
    public void R29_Who_waits_is_served_when_a_lease_opens_though_nothing_else_is_heard()
    {
        _table.IsRequestLost = true;
        var waiter = _book.Wait([new(_a, 300)], _table.Now, long.MaxValue, static _ => { });
        _table.Pass(10);
        _table.Hear(_book, new LeaseGrant(A, "a", "gw0", "L", 10, 300, LeaseTable.Noon, 200, 60_000, IsRecalled: false, 1) { Figures = default });
        _table.Pass(190);
        Assert.Equal(WaitOutcome.Waiting, waiter.Outcome);
        _table.Pass(10);
        Assert.Equal(WaitOutcome.Reserved, waiter.Outcome);
    }

    [Fact]
    public void R26_With_the_next_windows_lease_the_former_admits_no_more_and_a_refund_credits_only_it()
    {
        var held = _table.Reserve(_book, new LeaseNeed(_a, 300))!;
        var free = _book.Available(_a, _table.Now);
        _book.Reserve([new(_a, 10)], _table.Now, out _);
        _table.Hear(_book, new LeaseGrant(A, "a", "gw0", "N", long.MaxValue, 70, LeaseTable.Noon + 3_600_000_000, 0, 60_000, IsRecalled: false, 1) { Figures = default });
        Assert.Equal(70, _book.Available(_a, _table.Now));
        _book.Settle(held, [100], _table.Now);
        Assert.Equal(70, _book.Available(_a, _table.Now));
        Assert.Equal(200 + free - 10, Collect().Single(request => request.Account == A).Leases.Where(lease => lease.WindowId == LeaseTable.Noon).Sum(lease => lease.Returned));
    }

    [Fact]
    public void Wait_serves_in_the_order_of_arrival_and_nobody_overtakes()
    {
        var first = _book.Wait([new(_a, 400)], _table.Now, long.MaxValue, static _ => { });
        var second = _book.Wait([new(_a, 50)], _table.Now, long.MaxValue, static _ => { });
        _book.Reserve([new(_a, 1)], _table.Now, out _);
        Collect();
        _table.Hear(_book, Plain("x", 100));
        Assert.Equal((WaitOutcome.Waiting, WaitOutcome.Waiting), (first.Outcome, second.Outcome));
        Assert.Equal(ReserveResult.Short, _book.Reserve([new(_a, 50)], _table.Now, out _));
        _table.Hear(_book, Plain("y", 350));
        Assert.Equal((WaitOutcome.Reserved, WaitOutcome.Reserved), (first.Outcome, second.Outcome));
        Assert.Equal(0, _book.Available(_a, _table.Now));
    }

    [Fact]
    public void Wait_for_one_limit_does_not_hold_up_requests_on_another()
    {
        Hold(_a, 500).Settle();
        var free = _book.Available(_a, _table.Now);
        var stuck = _book.Wait([new(_a, 100), new(_b, 90)], _table.Now, long.MaxValue, static _ => { });
        Assert.Equal(ReserveResult.Reserved, _book.Reserve([new(_a, 300)], _table.Now, out _));
        Assert.Equal(WaitOutcome.Waiting, stuck.Outcome);
        Assert.Equal(free - 300 - 100, _book.Available(_a, _table.Now)); // and what it needs is still there
    }

    [Fact]
    public void Wait_ends_at_its_deadline_when_cancelled_and_when_refused_each_told_once()
    {
        var told = new List<WaitOutcome>();
        _table.IsRequestLost = true;
        _book.Wait([new(_a, 100)], _table.Now, _table.Now + 50_000, waiter => told.Add(waiter.Outcome));
        var cancelled = _book.Wait([new(_a, 100)], _table.Now, long.MaxValue, waiter => told.Add(waiter.Outcome));
        _table.Pass(60);
        _book.Cancel(cancelled, _table.Now);
        _book.Cancel(cancelled, _table.Now);
        _table.IsRequestLost = false;
        _book.Wait([new(_a, 100_000)], _table.Now, long.MaxValue, waiter => told.Add(waiter.Outcome));
        _table.Pass(300);
        Assert.Equal([WaitOutcome.TimedOut, WaitOutcome.Cancelled, WaitOutcome.Refused], told);
        Assert.Equal(ReserveResult.Refused, _book.Reserve([new(_a, 100_000)], _table.Now, out _));
        Assert.Equal(1_000, _book.Available(_a, _table.Now)); // what is left is in hand, for a smaller call
        Assert.Equal(1_000, _book.Figures(_a)!.Value.Limit);
    }

    [Fact]
    public void R29_Two_requests_that_need_both_accounts_do_not_take_one_each()
    {
        var other = _table.Books[1];
        var (a, b) = (other.Account(A, new(0)), other.Account(B, new(0)));
        var mine = _book.Wait([new(_a, 600), new(_b, 60)], _table.Now, long.MaxValue, static _ => { });
        var theirs = other.Wait([new(b, 60), new(a, 600)], _table.Now, long.MaxValue, static _ => { });
        _table.Pass(500);
        Assert.Equal(WaitOutcome.Reserved, mine.Outcome);
        Assert.Equal(WaitOutcome.Waiting, theirs.Outcome);
        _book.Settle(mine.Reservation!, [0, 0], _table.Now);
        _table.Pass(500);
        Assert.Equal(WaitOutcome.Reserved, theirs.Outcome);
    }

    [Fact]
    public void Leases_that_nobody_uses_are_returned()
    {
        Hold(_a, 300).Settle();
        _table.Pass(12_000);
        Assert.Equal((0, 0), (_table.Governor.Figures(A)!.Value.Charged, (int)_book.Available(_a, _table.Now)));
    }

    [Theory]
    [InlineData(LostControl.Hold, ReserveResult.Reserved, ReserveResult.Short)]
    [InlineData(LostControl.Closed, ReserveResult.Closed, ReserveResult.Closed)]
    [InlineData(LostControl.Open, ReserveResult.Reserved, ReserveResult.Reserved)]
    public void R30_Without_heartbeats_the_policy_says_what_is_done(LostControl rule, ReserveResult inHand, ReserveResult more)
    {
        Hold(_a, 300).Settle();
        _book.Account(A, new(0, rule));
        (_table.IsHeartbeatLost, _table.IsRequestLost) = (true, true);
        _table.Pass(3_500);
        Assert.True(_book.IsControlLost(_a, _table.Now));
        Assert.Equal(inHand, _book.Reserve([new(_a, 200)], _table.Now, out var reservation));
        Assert.Equal(more, _book.Reserve([new(_a, 5_000)], _table.Now, out _));
        Assert.Equal(rule == LostControl.Open, reservation?.IsWaived ?? false);
        Assert.Equal(rule == LostControl.Hold, reservation?.LeaseId is not null);
    }

    [Fact]
    public void R30_A_safe_share_is_set_aside_beforehand_and_spent_once_a_window_while_control_is_lost()
    {
        var key = A with { Per = LimitPeriod.Minute };
        _table.Governor.SetLimits(key, [new("s", 1_000, SafeSharePpm: 100_000)]);
        var account = _book.Account(key, new(0, LostControl.SafeShare));
        var held = _table.Reserve(_book, new LeaseNeed(account, 50))!;
        _book.Settle(held, [50], _table.Now);
        _table.Pass(200);
        Assert.Equal(100, _table.Governor.Figures(key)!.Value.SetAside);
        (_table.IsHeartbeatLost, _table.IsRequestLost) = (true, true);
        _table.Pass(60_000);
        for (var minute = 1; minute < 4; minute++)
        {
            Assert.Equal(100, _book.Available(account, _table.Now));
            Assert.Equal(ReserveResult.Reserved, _book.Reserve([new(account, 100)], _table.Now, out held));
            Assert.Equal(LeaseTable.Noon + (minute * 60_000_000L), held!.WindowOn(0));
            _book.Settle(held, [90], _table.Now);
            Assert.Equal(10, _book.Available(account, _table.Now));
            _table.Pass(60_000);
        }
        _table.Pass(20 * 60_000);
        Assert.Equal(0, _book.Available(account, _table.Now)); // beyond what was set aside
    }

    [Fact]
    public void Reserve_that_succeeds_allocates_the_reservation_and_nothing_else()
    {
        Hold(_a, 500).Settle();
        LeaseNeed[] needs = [new(_a, 1)];
        Take();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Take();
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 100, 1, 256);

        void Take()
        {
            _book.Reserve(needs, _table.Now, out var reservation);
            _book.Settle(reservation!, [1], _table.Now);
        }
    }

    private sealed record Held(LeaseBook Book, LeaseReservation Reservation, long Now)
    {
        public void Settle() => Book.Settle(Reservation, new long[Reservation.Accounts], Now);
    }

    private Held Hold(BookAccount account, long amount) => new(_book, _table.Reserve(_book, new LeaseNeed(account, amount))!, _table.Now);

    private static LeaseGrant Plain(string id, long amount) => new(A, "a", "gw0", id, amount, amount, LeaseTable.Noon, 0, 60_000, IsRecalled: false, 1) { Figures = default };

    private void HearAllAgain()
    {
        foreach (var record in _table.Control.ToArray())
            _table.Hear(_book, record);
    }

    private List<LeaseRequest> Collect()
    {
        _table.IsRequestLost = true;
        _table.Pass(20);
        _table.IsRequestLost = false;
        var requests = new List<LeaseRequest>();
        _book.Collect(_table.Now + 1_000_000, requests);
        return requests;
    }
}
