namespace Metering.ClickHouse.Http;

/// <summary>The media types that ClickHouse gives its formats.</summary>
internal static class ContentTypes
{
    public static string Of(string format) => format switch
    {
        "JSON" or "JSONCompact" or "JSONStrings" or "JSONColumns" or "JSONColumnsWithMetadata" or "JSONCompactStrings" => "application/json; charset=UTF-8",
        "JSONEachRow" or "JSONLines" or "NDJSON" or "JSONCompactEachRow" or "JSONStringsEachRow" or "JSONEachRowWithProgress" => "application/x-ndjson; charset=UTF-8",
        "CSV" or "CSVWithNames" or "CSVWithNamesAndTypes" => "text/csv; charset=UTF-8; header=absent",
        "TabSeparated" or "TSV" or "TabSeparatedWithNames" or "TSVWithNames" or "TabSeparatedWithNamesAndTypes" => "text/tab-separated-values; charset=UTF-8",
        "Native" or "RowBinary" or "RowBinaryWithNames" or "RowBinaryWithNamesAndTypes" or "Parquet" or "ORC" or "Arrow" or "ArrowStream" or "Avro" => "application/octet-stream",
        "XML" => "application/xml; charset=UTF-8",
        _ => "text/plain; charset=UTF-8",
    };
}
