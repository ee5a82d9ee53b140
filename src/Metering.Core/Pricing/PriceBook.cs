using System.Text;

namespace Metering.Core.Pricing;

/// <summary>
/// Every model's prices at one moment of the <c>prices</c> topic (step 6 of the path). An immutable snapshot: readers on
/// any thread, no lock, no allocation per lookup; a change is a new book.
/// </summary>
public sealed class PriceBook
{
    private readonly ModelIndex _index;

    private PriceBook(PricedModel[] models)
    {
        Models = models;
        _index = new ModelIndex(models);
    }

    /// <summary>A book without prices: all usage is flagged.</summary>
    public static PriceBook Empty { get; } = new([]);

    /// <summary>All models, in the order given.</summary>
    public IReadOnlyList<PricedModel> Models { get; }

    /// <summary>Builds a book.</summary>
    /// <exception cref="ArgumentException">A rule of <see cref="PriceRules"/> is broken or a model is there twice; the message lists every case.</exception>
    public static PriceBook Create(IEnumerable<ModelPrices> models)
    {
        var errors = new List<string>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var priced = new List<PricedModel>();
        foreach (var model in models)
        {
            var broken = PriceRules.Check(model);
            errors.AddRange(broken);
            if (!names.Add(model.Model))
                errors.Add($"model '{model.Model}': is in the list twice; put its entries together");
            else if (broken.Count == 0)
                priced.Add(new PricedModel(model));
        }
        if (errors.Count > 0)
            throw new ArgumentException(string.Join(Environment.NewLine, errors), nameof(models));
        return new PriceBook([.. priced]);
    }

    /// <summary>
    /// The model of this name, or null. The exact name comes first; if it is missing, leading <c>provider/</c> parts are
    /// taken off one by one, as users write names for routers: <c>openrouter/openai/gpt-4o</c>, then <c>openai/gpt-4o</c>,
    /// then <c>gpt-4o</c>. Nothing else is guessed: no case folding, no version suffixes, no prefix put on.
    /// </summary>
    /// <param name="utf8Model">The name as in the event, UTF-8.</param>
    public PricedModel? Find(ReadOnlySpan<byte> utf8Model)
    {
        while (true)
        {
            if (_index.Find(utf8Model) is { } found)
                return found;
            var slash = utf8Model.IndexOf((byte)'/');
            if (slash < 0)
                return null;
            utf8Model = utf8Model[(slash + 1)..];
        }
    }

    /// <inheritdoc cref="Find(ReadOnlySpan{byte})"/>
    public PricedModel? Find(string model)
    {
        // A name this long may still end in a known one after its provider parts.
        if (model.Length > 4 * PriceRules.MaxModelBytes)
            return null;
        Span<byte> utf8 = stackalloc byte[Encoding.UTF8.GetMaxByteCount(4 * PriceRules.MaxModelBytes)];
        return Find(utf8[..Encoding.UTF8.GetBytes(model, utf8)]);
    }

    /// <summary>Prices one request; see <see cref="PricedModel.Price"/>. An unknown model is flagged, never free.</summary>
    public PriceResult TryPrice(
        ReadOnlySpan<byte> utf8Model,
        long eventTimeMicros,
        long inputTokens,
        long cachedInputTokens,
        long cacheWriteTokens,
        long outputTokens,
        long reasoningTokens) =>
        Find(utf8Model) is { } model
            ? model.Price(eventTimeMicros, inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens)
            : PriceResult.Not(Unpriced.UnknownModel);

    /// <inheritdoc cref="TryPrice(ReadOnlySpan{byte}, long, long, long, long, long, long)"/>
    public PriceResult TryPrice(
        string model,
        long eventTimeMicros,
        long inputTokens,
        long cachedInputTokens,
        long cacheWriteTokens,
        long outputTokens,
        long reasoningTokens) =>
        Find(model) is { } found
            ? found.Price(eventTimeMicros, inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens)
            : PriceResult.Not(Unpriced.UnknownModel);
}
