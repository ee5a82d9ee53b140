using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;
using Metering.Core.Pricing;

namespace Metering.Cli.Hosting;

/// <summary>Writes prices to the ledger's table <c>prices</c>, so that a row's price_version can be looked up. Rows that
/// are there already replace themselves.</summary>
internal static class LedgerPrices
{
    public static async Task WriteAsync(ILedger ledger, PriceBook book, CancellationToken cancellationToken)
    {
        if (book.Models.Count == 0)
            return;
        var block = new NativeBlock();
        var (model, provider, version, from) = (block.String("model"), block.LowCardinality("provider"), block.UInt64("price_version"), block.DateTime64Micros("effective_from"));
        var above = block.Int64("above_input_tokens");
        var (input, cached, write) = (block.Int64("input_pico_usd"), block.Int64("cached_input_pico_usd"), block.Int64("cache_write_pico_usd"));
        var (output, reasoning) = (block.Int64("output_pico_usd"), block.Int64("reasoning_pico_usd"));
        foreach (var prices in book.Models.Select(priced => priced.Prices))
        {
            foreach (var entry in prices.Entries)
            {
                foreach (var tier in entry.Tiers)
                {
                    model.Append(Encoding.UTF8.GetBytes(prices.Model));
                    provider.Append(Encoding.UTF8.GetBytes(prices.Provider));
                    version.Append(PriceVersion.Of(prices.Model, entry));
                    from.Append(entry.EffectiveFromMicros);
                    above.Append(tier.AboveInputTokens);
                    input.Append(tier.InputPicoUsd);
                    cached.Append(tier.CachedInputPicoUsd ?? tier.InputPicoUsd);
                    write.Append(tier.CacheWritePicoUsd ?? tier.InputPicoUsd);
                    output.Append(tier.OutputPicoUsd);
                    reasoning.Append(tier.ReasoningPicoUsd ?? tier.OutputPicoUsd);
                    block.EndRow();
                }
            }
        }
        var bytes = new ArrayBufferWriter<byte>();
        block.WriteTo(bytes);
        var token = Convert.ToHexStringLower(SHA256.HashData(bytes.WrittenSpan));
        await ledger.InsertAsync(new LedgerInsert("metering.prices", [bytes.WrittenMemory], [.. block.Columns.Select(column => column.Name)], token), cancellationToken);
    }
}
