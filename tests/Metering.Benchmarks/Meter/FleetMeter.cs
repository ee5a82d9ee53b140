using Metering.Core.Pricing;
using Metering.Events;
using Metering.Pipeline.Meter;
using Microsoft.Extensions.Logging.Abstractions;
using PriceEntry = Metering.Core.Pricing.PriceEntry;
using PriceTier = Metering.Core.Pricing.PriceTier;

namespace Metering.Benchmarks.Meter;

/// <summary>METER's processor as a host sets it up: one schema known, every model of the sample priced.</summary>
internal static class FleetMeter
{
    /// <summary>Events of one commit: an interval of 50 ms at 200,000 events/s.</summary>
    public const int EventsPerCommit = 10_000;

    private static readonly string[] Models = ["gpt-4o", "gpt-4o-2026-08-06", "gpt-4o-mini", "claude-sonnet-4-5", "llama-3.3-70b-instruct", "qwen3-235b-a22b", "text-embedding-3-large"];

    public static async Task<MeterContext> CreateContextAsync()
    {
        var schemas = new SchemaBook(new OneSchema(), TimeProvider.System, NullLogger<SchemaBook>.Instance);
        schemas.Find(FleetRecords.SchemaId);
        await schemas.ResolvePendingAsync(CancellationToken.None);
        var tiers = new[] { new PriceTier(0, 2_500_000, 10_000_000, 1_250_000), new PriceTier(128_000, 5_000_000, 20_000_000, 2_500_000) };
        var prices = Models.Select(model => new ModelPrices(model, "", null, null, [new PriceEntry(EventLimits.MinTimeMicros, tiers)]));
        // One partition: every source is at home in it.
        return new MeterContext { Partitions = 1, Schemas = schemas, DeadLetterSchemaId = 2, UsageDeltaSchemaId = 10, SignalSchemaId = 11, Prices = PriceBook.Create(prices) };
    }

    private sealed class OneSchema : ISchemaSource
    {
        public Task<string?> FindAsync(int schemaId, CancellationToken cancellationToken) => Task.FromResult<string?>(TokenEvent.SchemaJson);
    }
}
