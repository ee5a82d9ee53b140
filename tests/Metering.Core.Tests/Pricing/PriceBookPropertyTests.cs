using System.Numerics;
using System.Text;
using CsCheck;
using Metering.Core.Pricing;

namespace Metering.Core.Tests.Pricing;

/// <summary>The price book against a slow reference in BigInteger. CsCheck prints the seed of a failure.</summary>
public sealed class PriceBookPropertyTests
{
    private static readonly Gen<long> Price = Gen.OneOf(Gen.Long[0, 100_000_000], Gen.Const(0L), Gen.Long[0, long.MaxValue]);

    private static readonly Gen<long?> OptionalPrice = Price.Nullable();

    private static readonly Gen<PriceTier> Tier =
        Gen.Select(Gen.Long[1, 300_000], Price, Price, OptionalPrice, OptionalPrice, OptionalPrice)
            .Select((above, input, output, cached, write, reasoning) => new PriceTier(above, input, output, cached, write, reasoning));

    private static readonly Gen<PriceEntry> Entry =
        Gen.Select(Gen.Long[0, 1_000], Tier.Array[1, 4]).Select((from, tiers) => new PriceEntry(from, Rising(tiers)));

    private static readonly Gen<ModelPrices> Model =
        Entry.Array[1, 5].Select(entries => new ModelPrices("m", "", null, null, [.. entries.DistinctBy(e => e.EffectiveFromMicros)]));

    private static readonly Gen<long> Tokens = Gen.OneOf(Gen.Long[0, 400_000], Gen.Long[-2, 2], Gen.Long[0, long.MaxValue]);

    [Fact]
    public void TryPrice_equals_the_reference()
    {
        var book = Gen.Select(Model, Gen.Long[-1, 1_001], Gen.Select(Tokens, Tokens, Tokens, Tokens, Tokens));
        book.Sample((model, at, tokens) =>
        {
            var (input, cached, write, output, reasoning) = tokens;
            var actual = PriceBook.Create([model]).TryPrice("m"u8, at, input, cached, write, output, reasoning);
            var (cost, reason) = Reference(model, at, input, cached, write, output, reasoning);
            Assert.Equal(reason, actual.Reason);
            Assert.Equal(cost, actual.CostPicoUsd);
            Assert.Equal(actual.Priced, actual.PriceVersion != 0);
        });
    }

    [Fact]
    public void Find_finds_exactly_what_a_dictionary_finds()
    {
        var name = Gen.String[Gen.Char["ab/é模"], 1, 6];
        Gen.Select(name.Array[0, 60], name.Array[1, 60]).Sample((known, asked) =>
        {
            var names = known.ToHashSet(StringComparer.Ordinal);
            var book = PriceBook.Create(names.Select(n => new ModelPrices(n, "", null, null, [new(0, [new(0, 1, 1)])])));
            foreach (var model in asked.Concat(known))
            {
                Assert.Equal(SlowFind(names, model), book.Find(model)?.Prices.Model);
                Assert.Equal(SlowFind(names, model), book.Find(Encoding.UTF8.GetBytes(model))?.Prices.Model);
            }
        });
    }

    private static string? SlowFind(HashSet<string> names, string model)
    {
        var parts = model.Split('/');
        for (var skip = 0; skip < parts.Length; skip++)
        {
            var rest = string.Join('/', parts[skip..]);
            if (names.Contains(rest))
                return rest;
        }
        return null;
    }

    private static (long CostPicoUsd, Unpriced Reason) Reference(
        ModelPrices model, long at, long input, long cached, long write, long output, long reasoning)
    {
        if (new[] { input, cached, write, output, reasoning }.Min() < 0)
            return (0, Unpriced.InvalidTokens);
        if ((BigInteger)cached + write > input || reasoning > output)
            return (0, Unpriced.InvalidTokens);
        var entry = model.Entries.Where(e => e.EffectiveFromMicros <= at).MaxBy(e => e.EffectiveFromMicros);
        if (entry is null)
            return (0, Unpriced.BeforeFirstPrice);
        var tier = entry.Tiers.Where(t => t.AboveInputTokens == 0 || input > t.AboveInputTokens).MaxBy(t => t.AboveInputTokens)!;
        var cost = ((BigInteger)input - cached - write) * tier.InputPicoUsd
            + (BigInteger)cached * (tier.CachedInputPicoUsd ?? tier.InputPicoUsd)
            + (BigInteger)write * (tier.CacheWritePicoUsd ?? tier.InputPicoUsd)
            + ((BigInteger)output - reasoning) * tier.OutputPicoUsd
            + (BigInteger)reasoning * (tier.ReasoningPicoUsd ?? tier.OutputPicoUsd);
        return cost > long.MaxValue ? (0, Unpriced.Overflow) : ((long)cost, Unpriced.No);
    }

    private static PriceTier[] Rising(PriceTier[] tiers)
    {
        var rising = tiers.DistinctBy(t => t.AboveInputTokens).OrderBy(t => t.AboveInputTokens).ToArray();
        rising[0] = rising[0] with { AboveInputTokens = 0 };
        return rising;
    }
}
