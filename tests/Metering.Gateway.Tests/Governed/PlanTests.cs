using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Policies;
using Metering.Core.Pricing;
using Metering.Core.Windows;
using Metering.Gateway.Governed;

namespace Metering.Gateway.Tests.Governed;

public sealed class PlanTests
{
    private readonly LeaseBook _book = new("g1");

    // 10 pico-USD an input token, 20 cached, 30 an output token; above 1,000 input tokens twice that.
    private static readonly PricedModel Model = PriceBook.Create([new ModelPrices("m", "p", null, null, [new PriceEntry(0, [new PriceTier(0, 10, 30, 20, 5, 25), new PriceTier(1_000, 20, 60, 40, 10, 50)])])]).Models[0];

    private Plan Of(long output, PricedModel? price, params LimitUnit[] units)
    {
        var plan = new Plan { InputTokens = 100, Choices = 2, MaxOutputTokens = output, Price = price, AtMicros = 1 };
        foreach (var unit in units)
            plan.Add(_book.Account(new AccountKey("tenant=acme", unit, LimitPeriod.Minute), new AccountRules(0)), new Policy { Name = unit.ToString(), Unit = unit, Amount = 1, Per = LimitPeriod.Minute });
        return plan;
    }

    [Fact]
    public void TryNeeds_R28_is_the_worst_case_on_each_account_once()
    {
        var plan = Of(50, Model, LimitUnit.Tokens, LimitUnit.InputTokens, LimitUnit.OutputTokens, LimitUnit.Requests, LimitUnit.Usd, LimitUnit.Tokens);
        Assert.True(plan.TryNeeds(out var needs));
        Assert.Equal([200, 100, 100, 1, (100 * 20) + (100 * 30)], needs.Select(need => need.Amount));
        Assert.Equal("Tokens", plan.Named!.Name);
    }

    [Fact]
    public void TryNeeds_under_a_limit_of_money_is_not_bounded_without_a_price() => Assert.False(Of(50, null, LimitUnit.Usd).TryNeeds(out _));

    [Theory]
    [InlineData(LimitUnit.Tokens, 200, 50)]
    [InlineData(LimitUnit.Tokens, 140, 20)]
    [InlineData(LimitUnit.Tokens, 100, 0)]
    [InlineData(LimitUnit.OutputTokens, 31, 15)]
    [InlineData(LimitUnit.Usd, 2_000 + (60 * 7), 7)]
    [InlineData(LimitUnit.Usd, 2_000 + (60 * 7) - 1, 6)]
    [InlineData(LimitUnit.Requests, 0, 0)]
    [InlineData(LimitUnit.Requests, 1, 50)]
    [InlineData(LimitUnit.InputTokens, 99, 0)]
    public void OutputFor_what_is_left_is_the_largest_answer_that_fits(LimitUnit unit, long available, long output)
    {
        var plan = Of(50, Model, unit);
        Assert.Equal(output, plan.OutputFor(0, available));
        plan.MaxOutputTokens = output;
        Assert.True(plan.TryNeeds(out var needs));
        Assert.True(output == 0 || needs[0].Amount <= available, $"{needs[0].Amount} of {available}");
    }

    [Theory]
    [InlineData(LimitUnit.Tokens, 8 * 300, 100)]
    [InlineData(LimitUnit.Tokens, 8 * 120, 16)] // the least
    [InlineData(LimitUnit.OutputTokens, 8 * 60, 30)]
    [InlineData(LimitUnit.Usd, 8 * (2_000 + (60 * 40)), 40)]
    [InlineData(LimitUnit.Tokens, 8 * 100_000, 4_096)]
    [InlineData(LimitUnit.Requests, 1, 4_096)]
    [InlineData(LimitUnit.InputTokens, 1, 4_096)]
    public void LeaveSome_R29_takes_an_eighth_of_what_is_left_where_an_answer_costs_something(LimitUnit unit, long left, long output)
    {
        var plan = Of(4_096, Model, unit);
        plan.LeaveSome(0, left, least: 16);
        Assert.Equal(output, plan.MaxOutputTokens);
    }

    [Fact]
    public void WorstPicoUsd_R28_is_of_the_dearest_tier_that_the_input_may_reach()
    {
        Assert.Equal((1_000 * 20) + (10 * 30), Model.WorstPicoUsd(1, 1_000, 10));
        Assert.Equal((1_001 * 40) + (10 * 60), Model.WorstPicoUsd(1, 1_001, 10));
        Assert.Null(Model.WorstPicoUsd(-1, 1, 1));
        Assert.Null(Model.WorstPicoUsd(1, long.MaxValue, 1));
    }
}
