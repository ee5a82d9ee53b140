using System.Text;
using Metering.Cli.Prices;
using Metering.Core.Pricing;
using Metering.Testing;

namespace Metering.Cli.Tests.Prices;

public sealed class PriceFileTests
{
    [Fact]
    public void Parse_a_dated_entry_gives_whole_pico_usd()
    {
        var model = Assert.Single(Parse("""
            {"gpt": {"effective_from": "2024-10-02", "litellm_provider": "openai", "max_input_tokens": 128000.0, "max_output_tokens": 16384,
              "input_cost_per_token": 2.5e-06, "cache_read_input_token_cost": 0.00000125, "cache_creation_input_token_cost": 0,
              "output_cost_per_token": 1E-05, "output_cost_per_reasoning_token": null, "supports_vision": true}}
            """).Models);
        Assert.Equal(("gpt", "openai", 128_000L, 16_384L), (model.Model, model.Provider, model.MaxInputTokens, model.MaxOutputTokens));
        var entry = Assert.Single(model.Entries);
        Assert.Equal(new DateTimeOffset(2024, 10, 2, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds() * 1_000, entry.EffectiveFromMicros);
        Assert.Equal(new PriceTier(0, 2_500_000, 10_000_000, 1_250_000, 0, null), Assert.Single(entry.Tiers));
    }

    [Fact]
    public void Parse_an_array_gives_one_entry_per_date_and_the_newest_entrys_limits()
    {
        var file = Parse("""
            {"m": [{"effective_from": "2025-01-01T06:00:00+02:00", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "max_output_tokens": 2},
                   {"effective_from": "2024-01-01", "input_cost_per_token": 3e-6, "output_cost_per_token": 4e-6, "max_output_tokens": 1}]}
            """);
        var book = PriceBook.Create(file.Models);
        Assert.Equal(2, book.Find("m")?.MaxOutputTokens);
        Assert.Equal(3_000_000, book.TryPrice("m", Micros("2025-01-01T03:59:59Z"), 1, 0, 0, 0, 0).CostPicoUsd);
        Assert.Equal(1_000_000, book.TryPrice("m", Micros("2025-01-01T04:00:00Z"), 1, 0, 0, 0, 0).CostPicoUsd);
        Assert.Empty(file.Warnings);
    }

    [Fact]
    public void Parse_suffixes_give_tiers_that_inherit_what_they_leave_out()
    {
        var tiers = Tiers("""
            {"m": {"input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6, "cache_read_input_token_cost": 3e-7,
              "output_cost_per_token_above_200k_tokens": 22.5e-6, "input_cost_per_token_above_200k_tokens": 6e-6,
              "input_cost_per_token_above_128k_tokens": 4e-6, "input_cost_per_token_above_200k_tokens_priority": 9e-6}}
            """);
        Assert.Equal(
            [
                new PriceTier(0, 3_000_000, 15_000_000, 300_000),
                new PriceTier(128_000, 4_000_000, 15_000_000, 300_000),
                new PriceTier(200_000, 6_000_000, 22_500_000, 300_000),
            ],
            tiers);
    }

    [Fact]
    public void Parse_tiered_pricing_gives_a_tier_per_range()
    {
        var tiers = Tiers("""
            {"m": {"tiered_pricing": [
              {"range": [0, 32000.0], "input_cost_per_token": 3e-7, "output_cost_per_token": 1.5e-6, "cache_read_input_token_cost": 8e-8},
              {"range": [32000.0, 128000.0], "input_cost_per_token": 5e-7, "output_cost_per_token": 2.5e-6}]}}
            """);
        Assert.Equal([new PriceTier(0, 300_000, 1_500_000, 80_000), new PriceTier(32_000, 500_000, 2_500_000)], tiers);
    }

    [Theory]
    [InlineData("""{"input_cost_per_image": 0.01}""")]
    [InlineData("""{"input_cost_per_token": 1e-6, "input_cost_per_image": 0.01, "mode": "image_generation"}""")]
    [InlineData("""{"output_cost_per_token": 1e-6, "mode": "chat"}""")]
    public void Parse_an_entry_without_a_full_token_price_is_skipped_and_counted_never_free(string entry)
    {
        var file = Parse($$"""{"m": {{entry}}}""");
        Assert.Empty(file.Models);
        Assert.Equal(1, file.SkippedEntries);
    }

    [Fact]
    public void Parse_an_embedding_needs_no_output_price() =>
        Assert.Equal([new PriceTier(0, 20_000, 0)], Tiers("""{"m": {"mode": "embedding", "input_cost_per_token": 2e-08}}"""));

    [Theory]
    [InlineData("1.0000000000005e-6", 1_000_000)]
    [InlineData("1.0000015e-6", 1_000_002)]
    [InlineData("1.0000025e-6", 1_000_002)]
    [InlineData("2.9999900000000002e-06", 2_999_990)]
    [InlineData("1e-30", 0)]
    public void Parse_a_price_that_is_no_whole_pico_usd_is_rounded_half_even_and_reported(string usd, long expectedPicoUsd)
    {
        var file = Parse($$"""{"_effective_from": "2024-01-01", "m": {"input_cost_per_token": {{usd}}, "output_cost_per_token": 0} }""");
        Assert.Equal(expectedPicoUsd, file.Models[0].Entries[0].Tiers[0].InputPicoUsd);
        var warning = Assert.Single(file.Warnings);
        Assert.Contains("prices.json: model 'm': input_cost_per_token", warning, StringComparison.Ordinal);
        Assert.Contains("rounded", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_without_any_date_takes_the_stated_default_and_says_so()
    {
        var file = Parse("""{"m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}""");
        Assert.Equal(PriceFile.DefaultEffectiveFrom.ToUnixTimeMilliseconds() * 1_000, file.Models[0].Entries[0].EffectiveFromMicros);
        Assert.Contains("2020-01-01", Assert.Single(file.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_takes_the_files_date_for_entries_without_one()
    {
        var file = Parse("""{"_effective_from": "2026-08-01", "m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}""");
        Assert.Equal(Micros("2026-08-01T00:00:00Z"), file.Models[0].Entries[0].EffectiveFromMicros);
        Assert.Empty(file.Warnings);
    }

    [Theory]
    [InlineData("[]", "a price list is an object")]
    [InlineData("{\"m\": ", "line 1, column")]
    [InlineData("", "is no JSON")]
    [InlineData("""{"m": 5}""", "model 'm': is a Number")]
    [InlineData("""{"m": [5]}""", "an entry is a Number")]
    [InlineData("""{"m": {"input_cost_per_token": "2e-6", "output_cost_per_token": 1e-6}}""", "input_cost_per_token is \"2e-6\"")]
    [InlineData("""{"m": {"input_cost_per_token": -2e-6, "output_cost_per_token": 1e-6}}""", "input_cost_per_token is -2e-6")]
    [InlineData("""{"m": {"input_cost_per_token": 2.5, "output_cost_per_token": 1e-6}}""", "2.50 USD per million are 2.5e-06")]
    [InlineData("""{"m": {"input_cost_per_token": 1e999999999, "output_cost_per_token": 1e-6}}""", "input_cost_per_token is 1e999999999")]
    [InlineData("""{"m": {"input_cost_per_tokn": 1e-6, "output_cost_per_token": 1e-6}}""", "did you mean input_cost_per_token?")]
    [InlineData("""{"m": {"effective_form": "2024-01-01", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}""", "did you mean effective_from?")]
    [InlineData("""{"m": {"effective_from": "31.1.2026", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}""", "effective_from is \"31.1.2026\"; write a date")]
    [InlineData("""{"_effective_from": 2024, "m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}""", "_effective_from is 2024")]
    [InlineData("""{"_efective_from": "2024-01-01"}""", "'_efective_from' is no field")]
    [InlineData("""{"m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}, "m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}""", "twice")]
    [InlineData("""{"m": {"input_cost_per_token": 1e-6, "input_cost_per_token": 2e-6, "output_cost_per_token": 1e-6}}""", "twice in one entry")]
    [InlineData("""{"m": [{"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}, {"input_cost_per_token": 2e-6, "output_cost_per_token": 1e-6}]}""", "same effective_from")]
    [InlineData("""{"m": {"max_output_tokens": 1.5, "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}""", "max_output_tokens is 1.5")]
    [InlineData("""{"m": {"tiered_pricing": [{"range": [5, 10], "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}]}}""", "range [5, 10]")]
    [InlineData("""{"": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}""", "name is empty")]
    public void Parse_hostile_input_names_file_model_field_and_fix(string json, string expected)
    {
        var error = Assert.Throws<PriceFileException>(() => Parse(json));
        Assert.StartsWith("prices.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_a_file_that_is_not_there_says_so() =>
        Assert.Contains("no such file", Assert.Throws<PriceFileException>(() => PriceFile.Load("/nowhere/prices.json")).Message, StringComparison.Ordinal);

    [Fact]
    public void Load_the_projects_own_list_is_clean_dated_and_has_a_change_of_price()
    {
        var file = PriceFile.Load(Path.Combine(Repository.Root, "infra", "prices", "prices.json"));
        Assert.Empty(file.Warnings);
        Assert.Equal(0, file.SkippedEntries);
        Assert.InRange(file.Models.Count, 12, 30);
        var book = PriceBook.Create(file.Models);
        Assert.Equal(5_000_000, book.TryPrice("gpt-4o", Micros("2024-06-01T00:00:00Z"), 1, 0, 0, 0, 0).CostPicoUsd);
        Assert.Equal(2_500_000, book.TryPrice("openai/gpt-4o", Micros("2026-06-01T00:00:00Z"), 1, 0, 0, 0, 0).CostPicoUsd);
        Assert.Equal(Unpriced.BeforeFirstPrice, book.TryPrice("gpt-4o", Micros("2023-11-16T00:00:00Z"), 1, 0, 0, 0, 0).Reason);
        Assert.Equal(6_000_000L * 200_001, book.TryPrice("claude-sonnet-4-5", Micros("2026-06-01T00:00:00Z"), 200_001, 0, 0, 0, 0).CostPicoUsd);
    }

    [Fact]
    public void Load_a_real_map_of_thousands_of_models_prices_them_as_it_says()
    {
        var path = SharedFolder.TryPath("data/prices/model_prices.json");
        Assert.SkipWhen(path is null, "skipped: needs the shared folder (METERING_SHARED)");
        var file = PriceFile.Load(path!);
        Assert.InRange(file.Models.Count, 2_400, 2_984);
        Assert.Equal(2_986, file.Models.Count + file.SkippedEntries);
        var book = PriceBook.Create(file.Models);
        var now = Micros("2026-08-01T00:00:00Z");
        Assert.Equal(2_500_000, book.TryPrice("gpt-4o", now, 1, 0, 0, 0, 0).CostPicoUsd);
        Assert.Equal(1_250_000, book.TryPrice("gpt-4o", now, 1, 1, 0, 0, 0).CostPicoUsd);
        Assert.Equal(2_500_000L * 200_001, book.TryPrice("gemini/gemini-2.5-pro", now, 200_001, 0, 0, 0, 0).CostPicoUsd);
        Assert.Equal(600_000, book.TryPrice("claude-sonnet-4-5", now, 200_001, 200_001, 0, 0, 0).CostPicoUsd / 200_001);
        Assert.Contains(file.Warnings, w => w.Contains("databricks/databricks-claude-3-7-sonnet", StringComparison.Ordinal) && w.Contains("rounded", StringComparison.Ordinal));
        Assert.Contains(file.Warnings, w => w.Contains("wandb/deepseek-ai/DeepSeek-R1-0528", StringComparison.Ordinal) && w.Contains("check its unit", StringComparison.Ordinal));
        Assert.Null(book.Find("sample_spec"));
    }

    private static PriceFile Parse(string json) => PriceFile.Parse("prices.json", Encoding.UTF8.GetBytes(json));

    private static IReadOnlyList<PriceTier> Tiers(string json) => Parse(json).Models[0].Entries[0].Tiers;

    private static long Micros(string iso) =>
        DateTimeOffset.Parse(iso, System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds() * 1_000;
}
