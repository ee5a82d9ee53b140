using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>
/// A statement's result, read chunk by chunk. A streamed one holds its connection until it is disposed: read on, or
/// dispose. For one caller at a time.
/// </summary>
public sealed class EmbeddedResult : IAsyncDisposable
{
    // A chunk's size, so that a huge whole result fits a span and a write.
    private const int MaxChunkBytes = 1 << 20;

    private readonly EmbeddedEngine _engine;
    private readonly CancellationToken _stopping;
    private EngineConnection? _connection;
    private EngineResult _stream;
    private EngineResult _current;
    private NativeChunk? _chunk;
    private long _taken;
    private bool _ended;

    /// <summary>A streamed result, its first chunk fetched.</summary>
    internal EmbeddedResult(EmbeddedEngine engine, EngineConnection? connection, EngineResult stream, EngineResult first, CancellationToken stopping)
    {
        _engine = engine;
        _connection = connection;
        _stream = stream;
        _current = first;
        _stopping = stopping;
        Summary = first.Summary;
    }

    /// <summary>What has been read so far; complete at the end of the result.</summary>
    public StatementSummary Summary { get; private set; }

    /// <summary>The next bytes, valid until the next call or the disposal; empty = end.</summary>
    /// <exception cref="LedgerException">The engine failed in the middle: what came so far is not the whole result.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _chunk?.End();
        _chunk = null;
        if (!_ended && _taken == _current.Length)
            await FetchAsync(cancellationToken).ConfigureAwait(false);
        if (_ended)
            return default;
        return Next();
    }

    /// <summary>Copies what is left to <paramref name="output"/>.</summary>
    public async Task CopyToAsync(Stream output, CancellationToken cancellationToken = default)
    {
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is { IsEmpty: false } chunk)
            await output.WriteAsync(chunk, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Frees the memory and gives the connection back; a stream that has not ended is cancelled.</summary>
    public async ValueTask DisposeAsync()
    {
        _ended = true;
        _chunk?.End();
        _chunk = null;
        DestroyCurrent();
        if (_connection is not { } connection)
            return;
        _connection = null;
        try
        {
            await connection.RunAsync(() =>
            {
                connection.CancelStream(_stream);
                _stream.Destroy();
                return true;
            }).ConfigureAwait(false);
        }
        finally
        {
            _engine.ReturnReader(connection);
        }
    }

    private unsafe ReadOnlyMemory<byte> Next()
    {
        var length = (int)Math.Min(MaxChunkBytes, _current.Length - _taken);
        _chunk = new NativeChunk(_current.Bytes + _taken, length);
        _taken += length;
        return _chunk.Memory;
    }

    private async ValueTask FetchAsync(CancellationToken cancellationToken)
    {
        if (_connection is not { } connection)
        {
            _ended = true;
            return;
        }
        DestroyCurrent();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping);
        var stream = _stream;
        _current = await _engine.RunKillableAsync(connection, () => connection.Fetch(stream), either.Token).ConfigureAwait(false);
        _taken = 0;
        var more = _current.Summary;
        Summary = new StatementSummary(
            Math.Max(Summary.RowsRead, more.RowsRead), Math.Max(Summary.BytesRead, more.BytesRead),
            Summary.RowsWritten, Summary.BytesWritten);
        _ended = _current.Length == 0;
    }

    private void DestroyCurrent()
    {
        if (_current.Handle != 0)
            _current.Destroy();
        _current = default;
        _taken = 0;
    }
}
