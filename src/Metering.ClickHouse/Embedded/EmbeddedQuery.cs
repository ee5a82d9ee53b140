namespace Metering.ClickHouse.Embedded;

/// <summary>One statement for the embedded engine.</summary>
/// <param name="Sql">The text; a FORMAT clause in it wins over <paramref name="Format"/>.</param>
/// <param name="Format">The ClickHouse format of the result.</param>
public sealed record EmbeddedQuery(string Sql, string Format = "TabSeparated")
{
    internal static readonly IReadOnlyDictionary<string, string> None = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Values for <c>{name:Type}</c>, as TSV-escaped text, as HTTP's <c>param_name</c> bears them (see SqlText.Parameter).</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = None;

    /// <summary>ClickHouse settings for this statement only.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = None;

    /// <summary>The current database for this statement only; null = <c>default</c>.</summary>
    public string? Database { get; init; }
}

/// <summary>One INSERT whose data come as bytes in a format.</summary>
/// <param name="Sql">Without FORMAT and data: <c>INSERT INTO t (a, b) SETTINGS …</c>.</param>
/// <param name="Format">The data's ClickHouse format.</param>
public sealed record EmbeddedInsert(string Sql, string Format = "Native")
{
    /// <summary>Values for <c>{name:Type}</c>, as TSV-escaped text.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = EmbeddedQuery.None;

    /// <summary>ClickHouse settings for this statement only.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = EmbeddedQuery.None;

    /// <summary>The current database for this statement only; null = <c>default</c>.</summary>
    public string? Database { get; init; }
}

/// <summary>What a statement read and wrote, as the engine counts it.</summary>
/// <param name="RowsWritten">With the rows of materialized views' targets, and also those that a token let drop.</param>
public readonly record struct StatementSummary(long RowsRead, long BytesRead, long RowsWritten, long BytesWritten);
