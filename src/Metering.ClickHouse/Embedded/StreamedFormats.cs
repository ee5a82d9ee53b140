namespace Metering.ClickHouse.Embedded;

/// <summary>
/// Which results may be streamed. The engine formats each chunk of a stream as a document of its own: that reads as
/// one result only in formats without a header, a footer or a frame. All others are made whole in the engine's memory.
/// </summary>
internal static class StreamedFormats
{
    private static readonly HashSet<string> Headless = new(StringComparer.OrdinalIgnoreCase)
    {
        "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "Raw", "CSV", "TSKV", "LineAsString", "RawBLOB",
        "JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow", "JSONCompactEachRow", "JSONCompactStringsEachRow",
        "RowBinary", "Native",
    };

    /// <summary>True when the statement's chunks one after another are its result.</summary>
    public static bool CanStream(string sql, string format) =>
        Headless.Contains(format)
        && IsSelect(sql)
        // A FORMAT clause would win over the format named; whether it is one, only the parser knows.
        && !sql.Contains("FORMAT", StringComparison.OrdinalIgnoreCase);

    // The engine streams no SHOW, DESCRIBE, EXPLAIN. A statement that begins with a comment is simply not streamed.
    private static bool IsSelect(string sql)
    {
        var text = sql.AsSpan().TrimStart();
        return StartsWithWord(text, "SELECT") || StartsWithWord(text, "WITH");
    }

    private static bool StartsWithWord(ReadOnlySpan<char> text, string word) =>
        text.Length > word.Length
        && text.StartsWith(word, StringComparison.OrdinalIgnoreCase)
        && !char.IsAsciiLetterOrDigit(text[word.Length])
        && text[word.Length] != '_';
}
