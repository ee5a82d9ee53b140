using Metering.Core.Reconciliation;

namespace Metering.Core.Tests.Reconciliation;

public sealed class SourceBalanceTests
{
    private static readonly SourceFigures Whole = new("gateway", 7,
        new ReportedFigures(10, 10, 100, 50, 0, IsClosed: true),
        new AccountFigures(12, 10, 0, 2, 0, 10, 0, 0, 100, 50),
        new LedgerFigures(10, 10, 100, 50));

    [Fact]
    public void Of_a_source_whose_events_are_all_in_the_ledger_settles()
    {
        var balance = SourceBalance.Of(Whole);
        Assert.True(balance.IsSettled);
        Assert.Equal((10, 12, 10, 2, 0, 0, 0), (balance.Published, balance.Received, balance.Metered, balance.Duplicate, balance.Rejected, balance.InFlight, balance.Lost));
    }

    [Fact]
    public void Of_a_source_that_is_ahead_shows_what_is_in_flight()
    {
        var balance = SourceBalance.Of(Whole with { Reported = new ReportedFigures(15, 12, 160, 80, 0, IsClosed: false) });
        Assert.Equal(5, balance.InFlight);
        Assert.Empty(balance.Problems);
        Assert.False(balance.IsSettled);
    }

    [Fact]
    public void Of_gaps_and_rejected_events_adds_up()
    {
        var balance = SourceBalance.Of(new SourceFigures("s", 1, null, new AccountFigures(7, 5, 2, 0, 0, 10, 0, 3, 50, 5), new LedgerFigures(5, 5, 50, 5)));
        Assert.True(balance.IsSettled);
        Assert.Equal((10, 3, 2), (balance.Published, balance.Lost, balance.Rejected));
    }

    [Fact]
    public void Of_events_that_are_missing_within_the_grace_time_shows_them_in_flight_and_late()
    {
        var balance = SourceBalance.Of(new SourceFigures("s", 1, null, new AccountFigures(7, 5, 2, 0, 0, 10, 2, 1, 50, 5), new LedgerFigures(5, 5, 50, 5)));
        Assert.Equal((10, 2, 2, 1), (balance.Published, balance.InFlight, balance.Late, balance.Lost));
        Assert.Empty(balance.Problems);
        Assert.False(balance.IsSettled);
    }

    [Fact]
    public void R6_Of_a_tail_that_METER_counts_as_lost_publishes_it_once()
    {
        var figures = Whole with { Reported = new ReportedFigures(12, 12, 120, 60, 0, IsClosed: true), Account = Whole.Account with { Published = 12, Lost = 2 } };
        Assert.Equal((12, 0, 2), (SourceBalance.Of(figures).Published, SourceBalance.Of(figures).InFlight, SourceBalance.Of(figures).Lost));
        Assert.True(SourceBalance.Of(figures with { Reported = null }).IsSettled); // the report was compacted away, the loss stays
    }

    public static TheoryData<string, SourceFigures> Contradictions => new()
    {
        { "a row twice", Whole with { Ledger = new LedgerFigures(11, 10, 110, 55) } },
        { "a row missing", Whole with { Ledger = new LedgerFigures(9, 9, 90, 45) } },
        { "tokens differ from the account", Whole with { Ledger = new LedgerFigures(10, 10, 101, 50) } },
        { "tokens differ from the report", Whole with { Reported = new ReportedFigures(10, 10, 100, 51, 0, IsClosed: true) } },
        { "received does not add up", Whole with { Account = Whole.Account with { Received = 13 } } },
        { "more than published", Whole with { Account = Whole.Account with { Rejected = 1, Received = 13 } } },
    };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void Of_a_contradiction_names_it(string what, SourceFigures figures)
    {
        var balance = SourceBalance.Of(figures);
        Assert.True(balance.Problems.Count > 0, what);
        Assert.False(balance.IsSettled);
    }
}
