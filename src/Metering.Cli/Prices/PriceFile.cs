using System.Text.Json;
using Metering.Core.Pricing;

namespace Metering.Cli.Prices;

/// <summary>
/// A price list as operators keep it: LiteLLM's map of models (USD per token), with <c>effective_from</c> per entry.
/// A model has one entry or an array of dated ones. Usage before a model's first entry stays unpriced.
/// </summary>
/// <param name="Models">The models that have token prices, by name.</param>
/// <param name="SkippedEntries">Entries without a full token price: images, seconds of audio, documentation.</param>
/// <param name="Warnings">What was taken but should be looked at: rounded prices, prices that look like per million, a missing date. Each names file, model and field.</param>
public sealed record PriceFile(IReadOnlyList<ModelPrices> Models, int SkippedEntries, IReadOnlyList<string> Warnings)
{
    /// <summary>The date of entries without one in a file without <c>_effective_from</c>: the earliest event time that is metered, so that a plain LiteLLM map prices everything.</summary>
    public static readonly DateTimeOffset DefaultEffectiveFrom = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly JsonDocumentOptions Json = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = 32 };

    /// <summary>Reads a file of at most 256 MB.</summary>
    /// <exception cref="PriceFileException">It is no price list; the message lists every error with file, model, field and fix.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PriceFile Load(string path)
    {
        const long MaxBytes = 256L << 20;
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new PriceFileException([$"{path}: there is no such file"]);
        if (file.Length > MaxBytes)
            throw new PriceFileException([$"{path}: is {file.Length} bytes; a price list has at most {MaxBytes}"]);
        return Parse(path, File.ReadAllBytes(path));
    }

    /// <inheritdoc cref="Load"/>
    /// <param name="fileName">For messages.</param>
    /// <param name="utf8Json">The file's content.</param>
    public static PriceFile Parse(string fileName, ReadOnlyMemory<byte> utf8Json)
    {
        // Editors on Windows put a byte order mark first.
        if (utf8Json.Span.StartsWith("\uFEFF"u8))
            utf8Json = utf8Json[3..];
        try
        {
            using var document = JsonDocument.Parse(utf8Json, Json);
            return new PriceFileReader(fileName).Read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new PriceFileException([$"{fileName}: line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}: is no JSON: {e.Message}"]);
        }
    }
}

/// <summary>A price list that cannot be taken. Nothing of it is in force.</summary>
/// <param name="errors">One sentence an error.</param>
public sealed class PriceFileException(IReadOnlyList<string> errors) : Exception(string.Join(Environment.NewLine, errors))
{
    /// <summary>Every error found, not only the first.</summary>
    public IReadOnlyList<string> Errors { get; } = errors;
}
