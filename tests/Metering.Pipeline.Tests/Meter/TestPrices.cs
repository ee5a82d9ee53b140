using Metering.Core.Pricing;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Books of models with one price each.</summary>
internal static class TestPrices
{
    /// <summary>Prices in pico-USD a token, in effect since 1970.</summary>
    public static PriceBook Book(params (string Model, long Input, long Output)[] models) =>
        PriceBook.Create(models.Select(model => Model(model.Model, (0, model.Input, model.Output))));

    public static ModelPrices Model(string name, params (long FromMicros, long Input, long Output)[] entries) =>
        new(name, "p", null, null, [.. entries.Select(entry => new PriceEntry(entry.FromMicros, [new PriceTier(0, entry.Input, entry.Output)]))]);
}
