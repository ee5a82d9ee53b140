using Metering.Core.Pricing;
using Metering.Events;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Step 6: each event at its own time, by the model that answered.</summary>
public sealed class PricingTests
{
    private readonly MeterHarness _meter = new();

    [Fact]
    public async Task The_served_model_is_priced_and_the_asked_one_when_it_has_no_price()
    {
        _meter.Context.Prices = TestPrices.Book(("asked", 1, 1), ("served", 1000, 1000));
        await _meter.TakeAsync(Asked(1, ""), Asked(2, "served"), Asked(3, "unheard-of"), Asked(4, "served").With(e => e.Model = "unheard-of"));
        Assert.Equal([15L, 15_000, 15, 15_000], _meter.Events.Select(row => row.Int64("cost_pico_usd")));
        Assert.All(_meter.Events, row => Assert.Equal((byte)1, row["priced"]));
    }

    [Fact]
    public async Task A_served_model_without_a_price_yet_falls_back_to_the_asked_one()
    {
        _meter.Context.Prices = PriceBook.Create([TestPrices.Model("asked", (0, 1, 1)), TestPrices.Model("served", (NowMicros, 9, 9))]);
        await _meter.TakeAsync(Asked(1, "served"), Asked(2, "served").With(e => e.EventTimeMicros = NowMicros));
        Assert.Equal([15L, 135], _meter.Events.Select(row => row.Int64("cost_pico_usd")));
    }

    [Fact]
    public async Task An_unknown_model_is_flagged_never_free()
    {
        await _meter.TakeAsync(Event(1).With(e => e.Model = "unheard-of"), Event(2));
        Assert.Equal([(0L, (byte)0, 0UL), (2500L, (byte)1, _meter.Events[1]["price_version"])], _meter.Events.Select(row => (row["cost_pico_usd"], row["priced"], row["price_version"])));
        Assert.NotEqual(0UL, _meter.Events[1]["price_version"]);
        Assert.Equal(1, _meter.Context.Counters.Unpriced);
    }

    [Fact]
    public async Task R22_A_price_change_applies_by_the_event_s_time_not_by_its_arrival()
    {
        _meter.Context.Prices = PriceBook.Create([TestPrices.Model("small", (0, 100, 0), (NowMicros, 200, 0))]);
        await _meter.TakeAsync(Event(1).With(e => e.EventTimeMicros = NowMicros), Event(2).With(e => e.EventTimeMicros = NowMicros - 1), Event(3).With(e => e.EventTimeMicros = NowMicros + 1));
        Assert.Equal([2000L, 1000, 2000], _meter.Events.Select(row => row.Int64("cost_pico_usd")));
        Assert.Equal(2, _meter.Events.Select(row => row["price_version"]).Distinct().Count());
    }

    [Fact]
    public async Task R22_A_new_book_is_used_from_the_next_event_on_and_the_row_says_which_price_it_had()
    {
        _meter.Add(Event(1));
        await _meter.RunAsync();
        _meter.Context.Prices = TestPrices.Book(("small", 7, 7));
        _meter.Add(Event(2));
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal([2500L, 105], _meter.Events.Select(row => row.Int64("cost_pico_usd")));
        Assert.NotEqual(_meter.Events[0]["price_version"], _meter.Events[1]["price_version"]);
    }

    [Theory]
    [InlineData("dear", "small")]
    [InlineData("", "dear")]
    [InlineData("unheard-of", "dear")]
    public async Task A_cost_that_does_not_fit_is_a_dead_letter_also_if_the_other_model_is_cheap(string served, string asked)
    {
        _meter.Context.Prices = TestPrices.Book(("dear", long.MaxValue, 1), ("small", 1, 1));
        await _meter.TakeAsync(Event(1), Event(2).With(e => (e.ServedModel, e.Model) = (served, asked)), Event(3));
        var letter = _meter.Letters.Single();
        Assert.Equal((DeadLetterReason.InvalidValue, (long?)2), (letter.Reason, letter.Sequence));
        Assert.Contains("10 input and 5 output tokens cost more than 9.2 million USD", letter.Detail);
        Assert.Equal(2, _meter.Events.Length);
        Assert.Equal(1L, _meter.Accounts[("gateway-1", Epoch)]["rejected"]);
    }

    private static TokenEvent Asked(long sequence, string served) => Event(sequence).With(e => (e.Model, e.ServedModel) = ("asked", served));
}
