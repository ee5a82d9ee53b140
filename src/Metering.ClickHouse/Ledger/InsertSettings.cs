using System.Globalization;
using System.Text;

namespace Metering.ClickHouse.Ledger;

/// <summary>
/// The settings that R17 pins on every insert into the ledger, for both backends: the same token must mean the same
/// data whatever a server's profile says.
/// </summary>
public static class InsertSettings
{
    /// <summary>Rows of one insert that still make one block, hence one part a partition.</summary>
    public const int MaxRows = 4_000_000;

    /// <summary>In-memory bytes of one insert that still make one block: 64 MB of Native with dictionaries unpack to less.</summary>
    public const int MaxBytes = 1 << 30;

    /// <summary>Settings that older servers refuse as unknown: sent only to an engine whose system.settings lists them.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> WhereKnown { get; } =
    [
        // 26.x: says outright what insert_deduplicate says, and wins over it.
        new("deduplicate_insert", "enable"),
        // Else a size in bytes would cut the block while it is read.
        new("max_insert_block_size_bytes", "0"),
    ];

    /// <summary>Settings that every ClickHouse we support knows.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Always { get; } =
    [
        // The acknowledgement must mean that the part is there, not that a buffer has it.
        new("async_insert", "0"),
        new("insert_deduplicate", "1"),
        new("deduplicate_blocks_in_dependent_materialized_views", "1"),
        // A roll-up that fails must fail the insert: the retry with the same token then fills it.
        new("materialized_views_ignore_errors", "0"),
        // Several threads would cut the data into several blocks, each with a suffix of its own on the token.
        new("max_insert_threads", "1"),
        new("max_partitions_per_insert_block", "0"),
        new("max_insert_block_size", Number(MaxRows)),
        new("min_insert_block_size_rows", Number(MaxRows)),
        new("min_insert_block_size_bytes", Number(MaxBytes)),
        // 0 = as the two above: the roll-ups get one block too.
        new("min_insert_block_size_rows_for_materialized_views", "0"),
        new("min_insert_block_size_bytes_for_materialized_views", "0"),
    ];

    /// <summary>All settings for an engine that knows the names for which <paramref name="knows"/> is true, without the token.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> For(Func<string, bool> knows) =>
        [.. Always, .. WhereKnown.Where(s => knows(s.Key))];

    /// <summary>The INSERT statement without FORMAT and data: columns quoted, settings and token in its SETTINGS clause.</summary>
    public static string Statement(LedgerInsert insert, IReadOnlyList<KeyValuePair<string, string>> settings)
    {
        var sql = new StringBuilder("INSERT INTO ").Append(insert.Table).Append(" (");
        for (var i = 0; i < insert.Columns.Count; i++)
            sql.Append(i == 0 ? "" : ", ").Append(SqlText.Identifier(insert.Columns[i]));
        sql.Append(") SETTINGS ");
        foreach (var (name, value) in settings)
            sql.Append(name).Append(" = ").Append(SqlText.Literal(value)).Append(", ");
        return sql.Append("insert_deduplication_token = ").Append(SqlText.Literal(insert.Token)).ToString();
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
