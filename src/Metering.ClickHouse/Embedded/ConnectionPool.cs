using System.Threading.Channels;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>Connections of one kind, handed out first come, first served. Thread-safe.</summary>
internal sealed class ConnectionPool
{
    private readonly Channel<EngineConnection> _free = Channel.CreateUnbounded<EngineConnection>();
    private readonly int _size;
    private readonly int _maxWaiting;
    private int _waiting;

    public ConnectionPool(int maxWaiting, params EngineConnection[] connections)
    {
        _maxWaiting = maxWaiting;
        _size = connections.Length;
        foreach (var connection in connections)
            Return(connection);
    }

    /// <summary>A connection for the caller alone; give it back with <see cref="Return"/>.</summary>
    /// <exception cref="LedgerException">Too many wait already, or the engine has stopped.</exception>
    public async ValueTask<EngineConnection> TakeAsync(CancellationToken cancellationToken)
    {
        if (_free.Reader.TryRead(out var connection))
            return connection;
        if (Interlocked.Increment(ref _waiting) > _maxWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            throw new LedgerException($"{_maxWaiting} statements wait for the embedded ClickHouse already: try again later.", code: 202, isTransient: true);
        }
        try
        {
            return await _free.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw new LedgerException("The embedded ClickHouse has stopped.", inner: e);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Return(EngineConnection connection) => _free.Writer.TryWrite(connection);

    /// <summary>Waits until each statement under way has ended, then closes the connections.</summary>
    public async Task CloseAsync(CancellationToken cancellationToken)
    {
        for (var closed = 0; closed < _size; closed++)
        {
            var connection = await _free.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            await connection.CloseAsync().ConfigureAwait(false);
        }
        _free.Writer.TryComplete();
    }
}
