namespace Metering.ClickHouse.Ledger;

/// <summary>
/// The ledger's database, in process (libchdb) or a server over HTTP: the same SQL, Native blocks and tokens for both.
/// Thread-safe. An error of the engine is a <see cref="LedgerException"/>; an engine that is away is one with
/// <see cref="LedgerException.IsTransient"/>.
/// </summary>
public interface ILedger : IAsyncDisposable
{
    /// <summary>What is connected, for people: <c>embedded DIR</c> or the URL without its password.</summary>
    string Description { get; }

    /// <summary>Runs a statement that returns nothing (DDL, INSERT … SELECT).</summary>
    Task ExecuteAsync(string sql, CancellationToken cancellationToken = default);

    /// <summary>Runs a query and copies its result, in the ClickHouse format named, to <paramref name="output"/>.</summary>
    Task QueryAsync(string sql, string format, Stream output, CancellationToken cancellationToken = default);

    /// <summary>Inserts Native blocks as one INSERT with the settings that R17 pins and the given token.
    /// Returning is the acknowledgement: on a server the data is in its parts and its roll-ups.</summary>
    /// <returns>Rows written as the engine counts them, or -1 when it does not tell.</returns>
    Task<long> InsertAsync(LedgerInsert insert, CancellationToken cancellationToken = default);
}

/// <summary>One insert: blocks of one ledger partition, one plan, one token (R17, R18).</summary>
/// <param name="Table">With its database, e.g. <c>metering.token_events</c>.</param>
/// <param name="Blocks">Native blocks, encoded, one after the other; all have the same columns. A block may lie in several
/// pieces: only the order of the bytes counts.</param>
/// <param name="Columns">The columns' names in the blocks' order.</param>
/// <param name="Token">insert_deduplication_token: names the data.</param>
public sealed record LedgerInsert(string Table, IReadOnlyList<ReadOnlyMemory<byte>> Blocks, IReadOnlyList<string> Columns, string Token);

/// <summary>The engine refused or failed.</summary>
public sealed class LedgerException(string message, int code = 0, bool isTransient = false, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>ClickHouse's error code, 0 when unknown.</summary>
    public int Code { get; } = code;

    /// <summary>Trying again later may help: the engine is away, overloaded, out of disk or memory.</summary>
    public bool IsTransient { get; } = isTransient;
}
