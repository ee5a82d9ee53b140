using Metering.Core.Policies;
using Metering.Core.Usage;
using Metering.Core.Windows;

namespace Metering.Core.Tests.Policies;

public sealed class SoftAccountTests
{
    private const uint Minute = 1_800_000_000; // a full one, and a full hour's
    private const long SecondMicros = 1_000_000;

    private static UsageSums Sums(long tokens) => new() { Requests = 1, InputTokens = tokens - 1, OutputTokens = 1, CostPicoUsd = 7 };

    private static long At(uint second) => second * SecondMicros;

    [Fact]
    public void UsedAt_of_a_fixed_window_begins_anew_at_its_end_and_R31_takes_nothing_for_a_window_that_is_over()
    {
        var account = new SoftAccount(LimitPeriod.Minute, rolling: false, TimeZoneInfo.Utc);
        account.Add(Minute + 1, Sums(100));
        account.Add(Minute + 59, Sums(50));
        Assert.Equal(150, (long)account.UsedAt(At(Minute + 59), LimitUnit.Tokens));
        Assert.Equal(148, (long)account.UsedAt(At(Minute + 59), LimitUnit.InputTokens));
        Assert.Equal(2, (long)account.UsedAt(At(Minute + 59), LimitUnit.OutputTokens));
        Assert.Equal(2, (long)account.UsedAt(At(Minute + 59), LimitUnit.Requests));
        Assert.Equal(14, (long)account.UsedAt(At(Minute + 59), LimitUnit.Usd));
        Assert.Equal(0, (long)account.UsedAt(At(Minute + 60), LimitUnit.Tokens));

        account.Add(Minute + 60, Sums(10));
        account.Add(Minute + 58, Sums(1_000));
        Assert.Equal(10, (long)account.UsedAt(At(Minute + 61), LimitUnit.Tokens));
        Assert.Equal(At(Minute + 120), account.ResetsAt(At(Minute + 61)));
    }

    [Fact]
    public void UsedAt_of_a_rolling_minute_is_what_came_in_the_last_sixty_seconds()
    {
        var account = new SoftAccount(LimitPeriod.Minute, rolling: true, TimeZoneInfo.Utc);
        account.Add(Minute + 30, Sums(100));
        account.Add(Minute + 70, Sums(10));
        Assert.Equal(110, (long)account.UsedAt(At(Minute + 89), LimitUnit.Tokens));
        Assert.Equal(10, (long)account.UsedAt(At(Minute + 90), LimitUnit.Tokens));
        Assert.Equal(0, (long)account.UsedAt(At(Minute + 130), LimitUnit.Tokens));
    }

    [Fact]
    public void UsedAt_of_a_second_is_the_mean_of_the_last_ten()
    {
        var account = new SoftAccount(LimitPeriod.Second, rolling: false, TimeZoneInfo.Utc);
        for (uint second = 0; second < 10; second++)
            account.Add(Minute + second, Sums(2_000));
        Assert.True(account.IsRolling);
        Assert.Equal(2_000, (long)account.UsedAt(At(Minute + 9), LimitUnit.Tokens));
        Assert.Equal(1_000, (long)account.UsedAt(At(Minute + 14), LimitUnit.Tokens));
    }

    [Fact]
    public void Restore_puts_back_what_was_saved()
    {
        var account = new SoftAccount(LimitPeriod.Hour, rolling: false, TimeZoneInfo.Utc);
        account.Add(Minute + 1, Sums(100));
        var (window, used) = account.Fixed;
        var again = new SoftAccount(LimitPeriod.Hour, rolling: false, TimeZoneInfo.Utc);
        again.Restore(window, used);
        again.Add(Minute + 2, Sums(11));
        Assert.Equal(111, (long)again.UsedAt(At(Minute + 3), LimitUnit.Tokens));
    }

    [Theory]
    [InlineData(799, 0, 0)]
    [InlineData(800, 0, 1)]
    [InlineData(999, 0, 1)]
    [InlineData(1_000, 0, 2)]
    [InlineData(960, 2, 2)] // held until 5 % below
    [InlineData(949, 2, 1)]
    [InlineData(759, 1, 0)]
    public void Reached_of_a_rolling_limit_holds_a_step_until_usage_is_well_below_it(long used, int before, int reached)
    {
        var policy = new Policy
        {
            Name = "p",
            Unit = LimitUnit.Tokens,
            Amount = 1_000,
            Per = LimitPeriod.Minute,
            Steps = [new(800_000, StepAction.Throttle), new(1_000_000, StepAction.Deny)],
        };
        Assert.Equal(reached, PolicySteps.Reached(policy, used, before, isRolling: true));
        Assert.Equal(used >= 1_000 ? 2 : used >= 800 ? 1 : 0, PolicySteps.Reached(policy, used, before, isRolling: false));
    }
}
