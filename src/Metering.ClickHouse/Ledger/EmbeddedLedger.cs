using Metering.ClickHouse.Embedded;

namespace Metering.ClickHouse.Ledger;

/// <summary>The ledger in this process. It does not own the engine unless it started it.</summary>
public sealed class EmbeddedLedger : ILedger
{
    private readonly bool _ownsEngine;
    private readonly IReadOnlyList<KeyValuePair<string, string>> _insertSettings;

    private EmbeddedLedger(EmbeddedEngine engine, bool ownsEngine, IReadOnlyList<KeyValuePair<string, string>> insertSettings)
    {
        Engine = engine;
        _ownsEngine = ownsEngine;
        _insertSettings = insertSettings;
    }

    public EmbeddedEngine Engine { get; }

    public string Description => "embedded " + Engine.Directory;

    /// <summary>Starts an engine that ends with the ledger.</summary>
    /// <exception cref="LedgerException">As <see cref="EmbeddedEngine.StartAsync"/>.</exception>
    public static async Task<EmbeddedLedger> StartAsync(EmbeddedEngineOptions options, CancellationToken cancellationToken = default)
    {
        var engine = await EmbeddedEngine.StartAsync(options, cancellationToken).ConfigureAwait(false);
        return await CreateAsync(engine, ownsEngine: true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A ledger on an engine that somebody else runs.</summary>
    public static Task<EmbeddedLedger> OnAsync(EmbeddedEngine engine, CancellationToken cancellationToken = default) =>
        CreateAsync(engine, ownsEngine: false, cancellationToken);

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken = default) => Engine.ExecuteAsync(sql, cancellationToken);

    public async Task QueryAsync(string sql, string format, Stream output, CancellationToken cancellationToken = default) =>
        await Engine.QueryAsync(new EmbeddedQuery(sql, format), output, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <remarks>The embedded engine counts the rows of roll-ups too, and rows that a known token let drop: the result
    /// is never less than what was sent unless the engine lost something.</remarks>
    public async Task<long> InsertAsync(LedgerInsert insert, CancellationToken cancellationToken = default)
    {
        var statement = new EmbeddedInsert(InsertSettings.Statement(insert, _insertSettings));
        var summary = await Engine.InsertAsync(statement, insert.Blocks, cancellationToken).ConfigureAwait(false);
        return summary.RowsWritten;
    }

    public ValueTask DisposeAsync() => _ownsEngine ? Engine.DisposeAsync() : ValueTask.CompletedTask;

    private static async Task<EmbeddedLedger> CreateAsync(EmbeddedEngine engine, bool ownsEngine, CancellationToken cancellationToken)
    {
        var names = await engine.QueryTextAsync("SELECT name FROM system.settings", cancellationToken).ConfigureAwait(false);
        var known = names.Split('\n').ToHashSet(StringComparer.Ordinal);
        return new EmbeddedLedger(engine, ownsEngine, InsertSettings.For(known.Contains));
    }
}
