using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Metering.ClickHouse.Ledger;

namespace Metering.Pipeline.Tests.Sink;

/// <summary>A ledger in memory that keeps tokens and counts as ClickHouse does, and fails where a test says.</summary>
internal sealed partial class FakeLedger : ILedger
{
    private readonly HashSet<string> _tokens = [];

    /// <summary>Rows by table and block.</summary>
    public ConcurrentDictionary<(string Table, long Block), long> Rows { get; } = new();

    public List<LedgerInsert> Inserts { get; } = [];

    /// <summary>What the next inserts do, one a call; none left = they succeed.</summary>
    public Queue<Fault> Faults { get; } = new();

    public string Description => "fake";

    internal enum Fault
    {
        None,

        /// <summary>Refused: nothing was written.</summary>
        BeforeWriting,

        /// <summary>Written, but the acknowledgement is lost.</summary>
        AfterWriting,

        /// <summary>The token was noted, the part was not written: a kill between ClickHouse's two steps.</summary>
        TokenOnly,

        /// <summary>Only the insert's first block was written, and its token noted.</summary>
        FirstBlockOnly,

        /// <summary>Written, the token not noted, the acknowledgement lost: a retry doubles.</summary>
        WithoutToken,
    }

    public Task<long> InsertAsync(LedgerInsert insert, CancellationToken cancellationToken = default)
    {
        Inserts.Add(insert);
        var fault = Faults.TryDequeue(out var next) ? next : Fault.None;
        if (fault == Fault.BeforeWriting)
            throw new LedgerException("refused", isTransient: true);
        var isKnown = _tokens.Contains(insert.Token);
        if (fault != Fault.WithoutToken)
            _tokens.Add(insert.Token);
        if (!isKnown && fault != Fault.TokenOnly)
            Write(insert, fault == Fault.FirstBlockOnly ? 1 : int.MaxValue);
        if (fault != Fault.None)
            throw new LedgerException("connection lost", isTransient: true);
        return Task.FromResult(-1L);
    }

    public async Task QueryAsync(string sql, string format, Stream output, CancellationToken cancellationToken = default)
    {
        var text = new StringBuilder();
        if (sql.Contains("system.columns", StringComparison.Ordinal))
            text.Append("token_events\n");
        else if (CountSql().Match(sql) is { Success: true } count)
        {
            var (from, to) = (Number(count.Groups["from"].Value), Number(count.Groups["to"].Value));
            foreach (var ((_, block), rows) in Rows.Where(row => row.Key.Table == count.Groups["table"].Value && row.Key.Block >= from && row.Key.Block < to))
                text.Append(CultureInfo.InvariantCulture, $"{block}\t{rows}\n");
        }
        else if (HighestSql().Match(sql) is { Success: true } highest)
            text.Append(CultureInfo.InvariantCulture, $"{Rows.Keys.Select(row => row.Block).Where(block => block >= Number(highest.Groups["from"].Value)).DefaultIfEmpty(-1).Max()}\n");
        else
            throw new LedgerException("the fake does not know: " + sql);
        await output.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()), cancellationToken);
    }

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken = default) => throw new LedgerException("the fake does not know: " + sql);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Write(LedgerInsert insert, int blocks)
    {
        // SINK sends a block in three pieces: its counts, its columns, and the added ones, of which block_offset is the last.
        foreach (var pieces in insert.Blocks.Chunk(3).Take(blocks))
        {
            // The last 8 bytes are the last row's block. The second byte is the row count.
            var key = (insert.Table["metering.".Length..], (long)BinaryPrimitives.ReadUInt64LittleEndian(pieces[2].Span[^8..]));
            Rows[key] = Rows.GetValueOrDefault(key) + pieces[0].Span[1];
        }
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"SELECT block_offset, count\(\) FROM metering\.(?<table>\w+) .*block_offset >= (?<from>\d+) AND block_offset < (?<to>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex CountSql();

    [GeneratedRegex(@"max\(block_offset\).* FROM metering\.\w+ WHERE ledger_partition = \d+ AND block_offset >= (?<from>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex HighestSql();
}
