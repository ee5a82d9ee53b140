using System.Globalization;
using Metering.ClickHouse.Ledger;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Sink;

/// <summary>Counts what the ledger holds of a partition's blocks (R19): every row bears its block's partition and offset.</summary>
internal sealed class LedgerBlocks(ILedger ledger, uint partition)
{
    /// <summary>Rows by block offset within [from, to).</summary>
    public async Task<Dictionary<long, long>> CountAsync(string table, long from, long to, CancellationToken cancellationToken)
    {
        var sql = string.Create(CultureInfo.InvariantCulture,
            $"SELECT block_offset, count() FROM metering.{table} WHERE ledger_partition = {partition} AND block_offset >= {from} AND block_offset < {to} GROUP BY block_offset");
        var counts = new Dictionary<long, long>();
        foreach (var fields in await ledger.RowsAsync(sql, cancellationToken))
            counts.Add(Number(fields[0]), Number(fields[1]));
        return counts;
    }

    /// <summary>The highest block of this partition, <paramref name="from"/> or above, that any table with block numbers holds; -1 when
    /// none does (R13). The bound lets <c>token_events</c> answer by its index instead of a scan of the whole ledger at each takeover.</summary>
    public async Task<long> HighestAsync(long from, CancellationToken cancellationToken)
    {
        const string TablesSql = "SELECT DISTINCT table FROM system.columns WHERE database = 'metering' AND name = 'block_offset' ORDER BY table";
        var tables = await ledger.RowsAsync(TablesSql, cancellationToken);
        if (tables.Count == 0)
            return -1;
        var highest = string.Join(" UNION ALL ", tables.Select(table => string.Create(CultureInfo.InvariantCulture,
            $"SELECT if(count() = 0, -1, toInt64(max(block_offset))) AS highest FROM metering.{table[0]} WHERE ledger_partition = {partition} AND block_offset >= {from}")));
        return Number((await ledger.RowsAsync($"SELECT max(highest) FROM ({highest})", cancellationToken))[0][0]);
    }

    /// <summary>Which of the blocks the ledger lacks, whole; throws when it holds more rows of one than were sent.</summary>
    /// <exception cref="LedgerMismatchException">More rows than were sent, or a part of a block.</exception>
    public static List<MeteredBlock> Missing(string table, int partition, IReadOnlyList<MeteredBlock> sent, Dictionary<long, long> held)
    {
        var missing = new List<MeteredBlock>();
        foreach (var block in sent)
        {
            var rows = held.GetValueOrDefault(block.Offset);
            if (rows == 0)
                missing.Add(block);
            else if (rows != block.Rows)
                throw new LedgerMismatchException($"metering.{table} holds {rows} rows of block {partition}/{block.Offset}, {block.Rows} were sent: compare it with the topic {MeteredBlock.Topic} before going on");
        }
        if (held.Keys.Except(sent.Select(block => block.Offset)).ToArray() is { Length: > 0 } foreign)
            throw new LedgerMismatchException($"metering.{table} holds blocks {partition}/{string.Join(',', foreign)}, which the topic does not: another cluster's data?");
        return missing;
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
