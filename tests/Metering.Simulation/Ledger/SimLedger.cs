using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;
using Metering.Simulation.Sink;
using Metering.Simulation.World;

namespace Metering.Simulation.Ledger;

/// <summary>
/// A ledger that keeps tokens, rows by block and counts as ClickHouse does. Each request is under way until the simulation
/// lets it arrive, and may then fail in every way that leaves its sender in doubt.
/// </summary>
internal sealed partial class SimLedger(Flights flights, Random random) : ILedger
{
    private readonly HashSet<string> _tokens = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Table, uint Partition, long Block), long> _rows = [];

    /// <summary>How many of a hundred requests fail.</summary>
    public int FaultPercent { get; set; }

    public string Description => "simulated";

    /// <summary>Rows that are held of a block.</summary>
    public long RowsOf(string table, int partition, long block) => _rows.GetValueOrDefault((table, (uint)partition, block));

    public Task<long> InsertAsync(LedgerInsert insert, CancellationToken cancellationToken = default)
    {
        var pieces = Pieces(insert);
        return flights.SendAsync(() =>
        {
            switch (random.Next(100) < FaultPercent ? random.Next(5) : -1)
            {
                case 0: // refused, nothing was written
                    break;
                case 1: // written, the answer is lost
                    Apply(insert, pieces);
                    break;
                case 2: // the token was noted, the part was not written: a kill between the engine's two steps
                    _tokens.Add(insert.Token);
                    break;
                case 3: // only the first block was written
                    Apply(insert, pieces[..1]);
                    break;
                case 4: // the sender gives up, the request arrives all the same
                    flights.Later(() => Apply(insert, pieces));
                    break;
                default:
                    Apply(insert, pieces);
                    return -1L;
            }
            throw new LedgerException("connection lost", isTransient: true);
        });
    }

    public async Task QueryAsync(string sql, string format, Stream output, CancellationToken cancellationToken = default)
    {
        var text = await flights.SendAsync(() => random.Next(100) < FaultPercent ? throw new LedgerException("connection lost", isTransient: true) : Answer(sql));
        output.Write(Encoding.UTF8.GetBytes(text));
    }

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken = default) => throw new NotSupportedException(sql);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private string Answer(string sql)
    {
        var text = new StringBuilder();
        if (sql.Contains("system.columns", StringComparison.Ordinal))
            text.Append("dead_letters\nsignals\nsource_accounts\ntoken_events\n");
        else if (CountSql().Match(sql) is { Success: true } count)
        {
            var (from, to) = (Number(count.Groups["from"].Value), Number(count.Groups["to"].Value));
            foreach (var ((_, _, block), rows) in _rows.Where(row => IsOf(row.Key, count) && row.Key.Block >= from && row.Key.Block < to))
                text.Append(CultureInfo.InvariantCulture, $"{block}\t{rows}\n");
        }
        else if (HighestSql().Matches(sql) is { Count: > 0 } tables)
            text.Append(CultureInfo.InvariantCulture, $"{tables.SelectMany(table => _rows.Keys.Where(key => IsOf(key, table) && key.Block >= Number(table.Groups["from"].Value))).Select(key => key.Block).DefaultIfEmpty(-1).Max()}\n");
        else
            throw new Violation("the simulated ledger does not know: " + sql);
        return text.ToString();
    }

    private static bool IsOf((string Table, uint Partition, long) key, Match match) =>
        key.Table == match.Groups["table"].Value && key.Partition == Number(match.Groups["partition"].Value);

    private void Apply(LedgerInsert insert, (uint Partition, long Block, int Rows)[] pieces)
    {
        if (!_tokens.Add(insert.Token))
            return;
        var table = insert.Table["metering.".Length..];
        foreach (var (partition, block, rows) in pieces)
        {
            var held = _rows[(table, partition, block)] = _rows.GetValueOrDefault((table, partition, block)) + rows;
            // Accounts are absolute values that replace each other: again does no harm.
            Violation.Unless(held == rows || table == "source_accounts", $"R17 R19 {table} holds {held} rows of block {partition}/{block}, which has {rows}");
        }
    }

    /// <summary>SINK sends a block in three pieces: its counts, its columns, and the two that are added, of which
    /// ledger_partition comes first.</summary>
    private static (uint Partition, long Block, int Rows)[] Pieces(LedgerInsert insert) =>
        [.. insert.Blocks.Chunk(3).Select(block => (Partition(block), (long)BinaryPrimitives.ReadUInt64LittleEndian(block[2].Span[^8..]), RowsIn(block)))];

    private static int RowsIn(ReadOnlyMemory<byte>[] block)
    {
        var whole = new byte[block.Sum(piece => piece.Length)];
        var at = 0;
        foreach (var piece in block)
        {
            piece.Span.CopyTo(whole.AsSpan(at));
            at += piece.Length;
        }
        return NativeBlockHeader.TryRead(whole, out var header) ? header.Rows : throw new Violation("SINK sent something that is no Native block");
    }

    // Behind the column's name and type lies one value a row: the first is the partition of all.
    private static uint Partition(ReadOnlyMemory<byte>[] block)
    {
        var added = block[2].Span;
        var name = 1 + added[0];
        return BinaryPrimitives.ReadUInt32LittleEndian(added[(name + 1 + added[name])..]);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"SELECT block_offset, count\(\) FROM metering\.(?<table>\w+) WHERE ledger_partition = (?<partition>\d+) AND block_offset >= (?<from>\d+) AND block_offset < (?<to>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex CountSql();

    [GeneratedRegex(@"max\(block_offset\)\)\) AS highest FROM metering\.(?<table>\w+) WHERE ledger_partition = (?<partition>\d+) AND block_offset >= (?<from>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex HighestSql();
}
