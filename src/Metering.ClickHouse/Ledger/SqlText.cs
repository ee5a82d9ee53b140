namespace Metering.ClickHouse.Ledger;

/// <summary>Quotes what goes into SQL text.</summary>
public static class SqlText
{
    /// <summary><c>it's</c> becomes <c>'it\'s'</c>.</summary>
    public static string Literal(string value) => "'" + Escape(value).Replace("'", "\\'", StringComparison.Ordinal) + "'";

    /// <summary><c>a b</c> becomes <c>`a b`</c>.</summary>
    public static string Identifier(string name) => "`" + Escape(name).Replace("`", "\\`", StringComparison.Ordinal) + "`";

    /// <summary>A query parameter's value as ClickHouse reads it: TSV-escaped text.</summary>
    public static string Parameter(string value) => Escape(value)
        .Replace("\t", "\\t", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal)
        .Replace("\r", "\\r", StringComparison.Ordinal);

    private static string Escape(string text) => text
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\0", "\\0", StringComparison.Ordinal);
}
