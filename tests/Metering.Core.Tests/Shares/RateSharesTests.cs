using Metering.Core.Policies;
using Metering.Core.Shares;

namespace Metering.Core.Tests.Shares;

public sealed class RateSharesTests
{
    private readonly GatewayLevels _levels = new();
    private long _number;

    private void Say(string gateway, long demand) => _levels.Take(new LevelReport("tenant=acme", LimitUnit.Tokens, gateway, ++_number, demand, 0, 0));

    [Fact]
    public void Divide_follows_the_traffic_and_never_gives_more_than_the_whole()
    {
        Say("a", 900);
        Say("b", 100);
        Say("c", 7);
        var shares = RateShares.Divide(_levels, new Dictionary<string, long>(StringComparer.Ordinal), isTick: false);

        Assert.Equal(893_743, RateShares.Of(shares, "a"));
        Assert.Equal(0, RateShares.Of(shares, "stranger"));
        Assert.InRange(shares.Values.Sum(), RateShares.Whole - 3, RateShares.Whole);
        Assert.Equal(RateShares.Whole, RateShares.Of(new Dictionary<string, long>(StringComparer.Ordinal), "anybody")); // a decision that nobody divided
    }

    [Fact]
    public void Divide_names_who_comes_at_once_and_moves_shares_at_ticks_only()
    {
        Say("a", 500);
        var first = RateShares.Divide(_levels, new Dictionary<string, long>(StringComparer.Ordinal), isTick: true);
        Say("a", 520);
        Assert.Same(first, RateShares.Divide(_levels, first, isTick: true)); // nothing has moved
        Say("b", 500);
        var second = RateShares.Divide(_levels, first, isTick: false);
        Assert.InRange(RateShares.Of(second, "b"), 400_000, 500_000);
        Say("b", 50);
        Assert.Same(second, RateShares.Divide(_levels, second, isTick: false));
        Assert.InRange(RateShares.Of(RateShares.Divide(_levels, second, isTick: true), "b"), 80_000, 90_000);
    }

    [Fact]
    public void Divide_gives_a_silent_gateways_share_to_the_others_once_its_report_is_3_s_old()
    {
        Say("a", 500);
        Say("b", 500);
        _levels.DropSilent(0);
        var both = RateShares.Divide(_levels, new Dictionary<string, long>(StringComparer.Ordinal), isTick: true);
        _levels.DropSilent(2_900_000);
        Say("a", 500);
        Assert.Same(both, RateShares.Divide(_levels, both, isTick: true));
        _levels.DropSilent(3_000_000);
        var one = RateShares.Divide(_levels, both, isTick: true);
        Assert.Equal((RateShares.Whole, 0), (RateShares.Of(one, "a"), RateShares.Of(one, "b")));
    }

    [Fact]
    public void Divide_after_a_takeover_waits_until_those_that_were_named_have_spoken_or_are_gone()
    {
        var before = new Dictionary<string, long>(StringComparer.Ordinal) { ["*"] = 0, ["a"] = 700_000, ["b"] = 300_000 };
        _levels.Expect("a");
        _levels.Expect("b");
        _levels.DropSilent(0);
        Say("a", 10);
        Assert.Same(before, RateShares.Divide(_levels, before, isTick: true));
        _levels.DropSilent(1);
        _levels.DropSilent(3_000_000);
        Assert.Equal(RateShares.Whole, RateShares.Of(RateShares.Divide(_levels, before, isTick: true), "a"));
    }

    [Fact]
    public void Take_ignores_what_is_older_than_what_is_known_R25()
    {
        Say("a", 900);
        Assert.False(_levels.Take(new LevelReport("tenant=acme", LimitUnit.Tokens, "a", 1, 5, 0, 0)));
        Assert.Equal(900, _levels.All.Single().Demand);
    }
}
