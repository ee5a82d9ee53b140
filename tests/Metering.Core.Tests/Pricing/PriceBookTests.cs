using System.Text;
using Metering.Core.Pricing;

namespace Metering.Core.Tests.Pricing;

public sealed class PriceBookTests
{
    private const long Jan2024 = 1_704_067_200_000_000;
    private const long Jan2025 = 1_735_689_600_000_000;

    private static readonly PriceBook Book = PriceBook.Create(
    [
        new("gpt-4o", "openai", 128_000, 16_384,
        [
            new(Jan2024, [new(0, 5_000_000, 15_000_000)]),
            new(Jan2025, [new(0, 2_500_000, 10_000_000, CachedInputPicoUsd: 1_250_000)]),
        ]),
        new("long", "x", null, null,
        [
            new(Jan2024,
            [
                new(0, 10, 100, CacheWritePicoUsd: 12, ReasoningPicoUsd: 300),
                new(200_000, 20, 150),
            ]),
        ]),
        new("free", "", null, null, [new(Jan2024, [new(0, 0, 0)])]),
        new("cache-free", "", null, null, [new(Jan2024, [new(0, 7, 9, CachedInputPicoUsd: 0)])]),
        new("ruinous", "", null, null, [new(Jan2024, [new(0, long.MaxValue, long.MaxValue)])]),
    ]);

    [Theory]
    [InlineData(1_000, 0, 0, 0, 0, 10_000)]
    [InlineData(1_000, 400, 0, 0, 0, 10_000)]
    [InlineData(1_000, 0, 100, 0, 0, 10_200)]
    [InlineData(0, 0, 0, 10, 0, 1_000)]
    [InlineData(0, 0, 0, 10, 4, 1_800)]
    public void TryPrice_parts_left_out_of_the_price_default_to_input_and_output(
        long input, long cached, long cacheWrite, long output, long reasoning, long expectedPicoUsd) =>
        Assert.Equal(expectedPicoUsd, Book.TryPrice("long", Jan2024, input, cached, cacheWrite, output, reasoning).CostPicoUsd);

    [Theory]
    [InlineData(200_000, 2_000_000)]
    [InlineData(200_001, 4_000_020)]
    public void TryPrice_input_above_a_threshold_prices_the_whole_request_in_that_tier(long input, long expectedPicoUsd) =>
        Assert.Equal(expectedPicoUsd, Book.TryPrice("long", Jan2024, input, 0, 0, 0, 0).CostPicoUsd);

    [Theory]
    [InlineData(Jan2024, 5_000_000)]
    [InlineData(Jan2025 - 1, 5_000_000)]
    [InlineData(Jan2025, 2_500_000)]
    [InlineData(Jan2025 + 1, 2_500_000)]
    public void TryPrice_takes_the_entry_in_effect_at_the_event_time(long atMicros, long expectedPicoUsd) =>
        Assert.Equal(expectedPicoUsd, Book.TryPrice("gpt-4o", atMicros, 1, 0, 0, 0, 0).CostPicoUsd);

    [Fact]
    public void TryPrice_before_the_first_entry_is_flagged_not_free() =>
        AssertUnpriced(Unpriced.BeforeFirstPrice, Book.TryPrice("gpt-4o", Jan2024 - 1, 1_000, 0, 0, 10, 0));

    [Theory]
    [InlineData("gpt-4")]
    [InlineData("gpt-4oo")]
    [InlineData("GPT-4o")]
    [InlineData("")]
    [InlineData("openai/")]
    public void TryPrice_unknown_model_is_flagged_not_free(string model) =>
        AssertUnpriced(Unpriced.UnknownModel, Book.TryPrice(model, Jan2025, 1_000, 0, 0, 10, 0));

    [Fact]
    public void TryPrice_explicit_zero_is_a_price()
    {
        var result = Book.TryPrice("free", Jan2025, 1_000, 0, 0, 10, 0);
        Assert.True(result.Priced);
        Assert.Equal(0, result.CostPicoUsd);
        Assert.NotEqual(0UL, result.PriceVersion);
        Assert.Equal(7 * 600, Book.TryPrice("cache-free", Jan2025, 1_000, 400, 0, 0, 0).CostPicoUsd);
    }

    [Theory]
    [InlineData(-1, 0, 0, 0, 0)]
    [InlineData(10, -1, 0, 0, 0)]
    [InlineData(10, 0, -1, 0, 0)]
    [InlineData(10, 0, 0, -1, 0)]
    [InlineData(10, 0, 0, 10, -1)]
    [InlineData(10, 11, 0, 0, 0)]
    [InlineData(10, 6, 5, 0, 0)]
    [InlineData(10, 0, 0, 5, 6)]
    [InlineData(long.MaxValue, long.MaxValue, long.MaxValue, 0, 0)]
    public void TryPrice_counts_that_contradict_each_other_are_flagged(long input, long cached, long cacheWrite, long output, long reasoning) =>
        AssertUnpriced(Unpriced.InvalidTokens, Book.TryPrice("gpt-4o", Jan2025, input, cached, cacheWrite, output, reasoning));

    [Fact]
    public void TryPrice_cost_beyond_63_bits_is_reported_not_wrapped()
    {
        AssertUnpriced(Unpriced.Overflow, Book.TryPrice("ruinous", Jan2025, 2, 0, 0, 0, 0));
        AssertUnpriced(Unpriced.Overflow, Book.TryPrice("ruinous", Jan2025, long.MaxValue, 0, 0, long.MaxValue, 0));
        Assert.Equal(long.MaxValue, Book.TryPrice("ruinous", Jan2025, 1, 0, 0, 0, 0).CostPicoUsd);
    }

    [Fact]
    public void Find_falls_back_from_provider_prefixes_to_the_plain_name()
    {
        var book = PriceBook.Create([Flat("gpt-4o", 1), Flat("openai/gpt-4o-mini", 2), Flat("gpt-4o-mini", 3)]);
        Assert.Equal("gpt-4o", book.Find("openai/gpt-4o")?.Prices.Model);
        Assert.Equal("gpt-4o", book.Find("openrouter/openai/gpt-4o")?.Prices.Model);
        Assert.Equal("openai/gpt-4o-mini", book.Find("openai/gpt-4o-mini")?.Prices.Model);
        Assert.Equal("openai/gpt-4o-mini", book.Find("openrouter/openai/gpt-4o-mini")?.Prices.Model);
        Assert.Null(book.Find("gpt-4o/"));
        Assert.Null(book.Find("openai/gpt-4"));
    }

    [Fact]
    public void Find_by_bytes_and_by_string_agree_also_beyond_ascii()
    {
        var book = PriceBook.Create([Flat("模型-é", 1), Flat(new string('m', PriceRules.MaxModelBytes), 2)]);
        Assert.NotNull(book.Find("模型-é"));
        Assert.Same(book.Find("模型-é"), book.Find(Encoding.UTF8.GetBytes("模型-é")));
        Assert.NotNull(book.Find("p/" + new string('m', PriceRules.MaxModelBytes)));
        Assert.Null(book.Find(new string('x', 100_000)));
        Assert.Null(book.Find("\uD800"));
    }

    [Fact]
    public void PriceVersion_is_the_same_on_every_machine_and_never_zero()
    {
        // A golden value: rows in ledgers hold it, so it may not change from one release to the next.
        var version = PriceVersion.Of("gpt-4o", new(Jan2025, [new(0, 2_500_000, 10_000_000, 1_250_000)]));
        Assert.Equal(0xE17C294BCC79A0A4UL, version);
        Assert.Equal(version, Book.TryPrice("openai/gpt-4o", Jan2025, 1, 0, 0, 0, 0).PriceVersion);
    }

    [Fact]
    public void PriceVersion_names_the_content_of_the_entry()
    {
        var entry = new PriceEntry(Jan2025, [new(0, 5, 7)]);
        var version = PriceVersion.Of("m", entry);
        Assert.Equal(version, PriceVersion.Of("m", new(Jan2025, [new(0, 5, 7, 5, 5, 7)])));
        Assert.NotEqual(version, PriceVersion.Of("n", entry));
        Assert.NotEqual(version, PriceVersion.Of("m", new(Jan2025 + 1, [new(0, 5, 7)])));
        Assert.NotEqual(version, PriceVersion.Of("m", new(Jan2025, [new(0, 7, 5)])));
        Assert.NotEqual(version, PriceVersion.Of("m", new(Jan2025, [new(0, 5, 7), new(9, 5, 7)])));
        Assert.NotEqual(version, PriceVersion.Of("m", new(Jan2025, [new(0, 5, 7, CachedInputPicoUsd: 0)])));
    }

    [Fact]
    public void TryPrice_allocates_nothing()
    {
        var model = "openai/gpt-4o"u8.ToArray();
        long Run()
        {
            long sum = 0;
            for (var i = 0; i < 10_000; i++)
            {
                sum += Book.TryPrice(model, Jan2025, i, 0, 0, i, 0).CostPicoUsd;
                sum += Book.TryPrice("gpt-4o", Jan2024, i, 0, 0, i, 0).CostPicoUsd;
                sum += Book.TryPrice("nobody/knows", Jan2024, i, 0, 0, i, 0).CostPicoUsd;
            }
            return sum;
        }

        Assert.NotEqual(0, Run());
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Create_lists_every_broken_rule()
    {
        var error = Assert.Throws<ArgumentException>(() => PriceBook.Create(
        [
            Flat("twice", 1),
            Flat("twice", 1),
            Flat("", 1),
            Flat("negative", -1),
            new("no-entry", "", null, -5, []),
            new("no-tier", "", null, null, [new(0, [])]),
            new("same-date", "", null, null, [new(0, [new(0, 1, 1)]), new(0, [new(0, 2, 2)])]),
            new("late-first", "", null, null, [new(0, [new(1, 1, 1)])]),
            new("falling", "", null, null, [new(0, [new(0, 1, 1), new(0, 1, 1)])]),
        ]));
        foreach (var expected in (string[])["'twice'", "is empty", "'negative'", "'no-entry': has no price", "max_output_tokens is -5", "'no-tier'", "'same-date'", "'late-first'", "'falling'"])
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static ModelPrices Flat(string model, long picoUsd) =>
        new(model, "", null, null, [new(Jan2024, [new(0, picoUsd, Math.Max(picoUsd, 0))])]);

    private static void AssertUnpriced(Unpriced reason, PriceResult result)
    {
        Assert.Equal(reason, result.Reason);
        Assert.False(result.Priced);
        Assert.Equal(0, result.CostPicoUsd);
        Assert.Equal(0UL, result.PriceVersion);
    }
}
