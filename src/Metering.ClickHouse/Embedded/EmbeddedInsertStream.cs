using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>
/// An insert whose data come little by little (from an HTTP client, say). It holds a connection that is not the
/// ledger's writer, so that a slow sender keeps nobody waiting but other senders. For one caller at a time.
/// </summary>
public sealed class EmbeddedInsertStream : IAsyncDisposable
{
    private readonly EmbeddedEngine _engine;
    private readonly EngineConnection _connection;
    private readonly nint _stream;
    private bool _disposed;

    internal EmbeddedInsertStream(EmbeddedEngine engine, EngineConnection connection, nint stream)
    {
        _engine = engine;
        _connection = connection;
        _stream = stream;
    }

    /// <summary>Gives the engine more bytes; returns when it has copied them.</summary>
    /// <exception cref="LedgerException">The engine cannot read the data, or failed.</exception>
    public Task AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default) =>
        _engine.RunKillableAsync(_connection, () => EmbeddedEngine.Append(_stream, bytes), cancellationToken);

    /// <summary>Ends the data. Returning is the acknowledgement.</summary>
    /// <exception cref="LedgerException">The engine refused the data, or failed.</exception>
    public Task<StatementSummary> CompleteAsync(CancellationToken cancellationToken = default) =>
        _engine.RunKillableAsync(_connection, () => EmbeddedEngine.Complete(_stream), cancellationToken);

    /// <summary>Without <see cref="CompleteAsync"/> before it: gives the insert up. Blocks that were whole may stand.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        try
        {
            await _connection.RunAsync(() =>
            {
                Chdb.InsertDestroy(_stream);
                return true;
            }).ConfigureAwait(false);
        }
        finally
        {
            _engine.ReturnStatements(_connection);
        }
    }
}
