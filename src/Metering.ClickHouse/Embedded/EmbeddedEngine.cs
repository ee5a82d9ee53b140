using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>
/// ClickHouse in this process (libchdb). One engine a process, one process a directory. Thread-safe: statements wait
/// their turn for a connection: whole inserts for the writer; queries for the readers; everything else that changes
/// data, and inserts that trickle in, for a third, so that neither holds up the ledger's own inserts.
/// Start it early: the start rewrites the process's signal actions for a moment (see SignalGuard).
/// </summary>
public sealed class EmbeddedEngine : IAsyncDisposable
{
    private static readonly TimeSpan StopBudget = TimeSpan.FromSeconds(10);

    // Between two KILL QUERY for one statement: the first may come before the engine lists it.
    private static readonly TimeSpan KillInterval = TimeSpan.FromMilliseconds(100);

    private static int _running;

    private readonly DirectoryLock _lock;
    private readonly EngineConnection _control;
    private readonly SemaphoreSlim _controlTurn = new(1);
    private readonly ConnectionPool _readers;
    private readonly ConnectionPool _statements;
    private readonly ConnectionPool _writer;
    private readonly CancellationTokenSource _stopping = new();
    private int _disposed;

    private EmbeddedEngine(EmbeddedEngineOptions options, string directory, DirectoryLock @lock)
    {
        Directory = directory;
        _lock = @lock;
        // The first to open, so the process-wide options are its own; the last to close, for closing the last one
        // shuts the engine down.
        _control = new EngineConnection(
            "control", directory,
            Option("max_server_memory_usage", options.MaxMemoryBytes),
            Option("mark_cache_size", options.MarkCacheBytes));
        _writer = new ConnectionPool(options.MaxWaiting, new EngineConnection("writer", directory));
        _statements = new ConnectionPool(options.MaxWaiting, new EngineConnection("statements", directory));
        _readers = new ConnectionPool(options.MaxWaiting,
        [
            .. Enumerable.Range(1, options.Readers).Select(n => new EngineConnection(
                string.Create(CultureInfo.InvariantCulture, $"reader {n}"), directory,
                "--max_threads=1", Option("max_memory_usage", options.MaxQueryMemoryBytes))),
        ]);
    }

    /// <summary>Where the data lie: an absolute path.</summary>
    public string Directory { get; }

    /// <summary>The library's version, e.g. <c>26.7.3</c>.</summary>
    public static unsafe string LibraryVersion => Marshal.PtrToStringUTF8((nint)Chdb.Version()) ?? "";

    /// <summary>Loads the library and opens the directory: 0.2 to 1.5 s.</summary>
    /// <exception cref="LedgerException">The library is missing, the directory is in use or cannot be written, an
    /// option is out of its range, or the engine refused; the message says which and what to do.</exception>
    public static async Task<EmbeddedEngine> StartAsync(EmbeddedEngineOptions options, CancellationToken cancellationToken = default)
    {
        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        _ = ChdbLibrary.Find();
        if (Interlocked.Exchange(ref _running, 1) != 0)
            throw new LedgerException("This process runs an embedded ClickHouse already: it can run only one.");
        DirectoryLock? taken = null;
        EmbeddedEngine? engine = null;
        try
        {
            var directory = Path.GetFullPath(options.Directory);
            taken = DirectoryLock.Take(directory);
            engine = new EmbeddedEngine(options, directory, taken);
            await engine.OpenAsync().ConfigureAwait(false);
            return engine;
        }
        catch
        {
            if (engine is not null)
                await engine.DisposeAsync().ConfigureAwait(false);
            else
                Release(taken);
            throw;
        }
    }

    /// <summary>Runs a statement of any kind and opens its result; an error of the statement is thrown here, not
    /// later, unless the engine fails in the middle of a streamed result.</summary>
    public async Task<EmbeddedResult> OpenAsync(EmbeddedQuery query, CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        var connection = await _readers.TakeAsync(either.Token).ConfigureAwait(false);
        var pool = _readers;
        EmbeddedResult? result = null;
        try
        {
            var kind = await connection.RunAsync(() => Classify(connection, query)).ConfigureAwait(false);
            if (kind is StatementClass.Mutating or StatementClass.MutatingGlobal)
            {
                _readers.Return(connection);
                pool = null;
                connection = await _statements.TakeAsync(either.Token).ConfigureAwait(false);
                pool = _statements;
            }
            var running = connection;
            var (stream, first) = await RunKillableAsync(running, () => Start(running, query, kind), either.Token).ConfigureAwait(false);
            result = new EmbeddedResult(this, stream.Handle == 0 ? null : running, stream, first, _stopping.Token);
            if (stream.Handle != 0)
                pool = null;
            return result;
        }
        finally
        {
            pool?.Return(connection);
        }
    }

    /// <summary>Runs a statement and copies its result to <paramref name="output"/>.</summary>
    public async Task<StatementSummary> QueryAsync(EmbeddedQuery query, Stream output, CancellationToken cancellationToken = default)
    {
        await using var result = await OpenAsync(query, cancellationToken).ConfigureAwait(false);
        await result.CopyToAsync(output, cancellationToken).ConfigureAwait(false);
        return result.Summary;
    }

    /// <summary>Runs a statement and returns its result as text, without the last line's end.</summary>
    public async Task<string> QueryTextAsync(EmbeddedQuery query, CancellationToken cancellationToken = default)
    {
        using var output = new MemoryStream();
        await QueryAsync(query, output, cancellationToken).ConfigureAwait(false);
        return Encoding.UTF8.GetString(output.GetBuffer().AsSpan(0, checked((int)output.Length))).TrimEnd('\n');
    }

    /// <summary>As the other one, in TabSeparated.</summary>
    public Task<string> QueryTextAsync(string sql, CancellationToken cancellationToken = default) =>
        QueryTextAsync(new EmbeddedQuery(sql), cancellationToken);

    /// <summary>Runs a statement of any kind whose result nobody needs.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken = default)
    {
        await using var result = await OpenAsync(new EmbeddedQuery(sql, "Null"), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Inserts data that are all at hand, on the writer. Returning is the acknowledgement.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; whether it was written is unknown once it had begun.</exception>
    public async Task<StatementSummary> InsertAsync(EmbeddedInsert insert, IReadOnlyList<ReadOnlyMemory<byte>> chunks, CancellationToken cancellationToken = default)
    {
        var connection = await _writer.TakeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await RunKillableAsync(connection, () => Insert(connection, insert, chunks), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _writer.Return(connection);
        }
    }

    /// <summary>Begins an insert whose data come little by little.</summary>
    public async Task<EmbeddedInsertStream> OpenInsertAsync(EmbeddedInsert insert, CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        var connection = await _statements.TakeAsync(either.Token).ConfigureAwait(false);
        try
        {
            var stream = await RunKillableAsync(connection, () => connection.OpenInsert(insert), either.Token).ConfigureAwait(false);
            var opened = new EmbeddedInsertStream(this, connection, stream);
            connection = null;
            return opened;
        }
        finally
        {
            if (connection is not null)
                _statements.Return(connection);
        }
    }

    /// <summary>Kills the queries under way, lets the inserts end, closes the directory.</summary>
    /// <exception cref="LedgerException">A result or insert was not disposed in 10 s; the directory stays locked.</exception>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        using var budget = new CancellationTokenSource(StopBudget);
        try
        {
            await _readers.CloseAsync(budget.Token).ConfigureAwait(false);
            await _statements.CloseAsync(budget.Token).ConfigureAwait(false);
            await _writer.CloseAsync(budget.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw new LedgerException("The embedded ClickHouse could not be closed in 10 s: somebody holds a result or an insert.", inner: e);
        }
        await _control.CloseAsync().ConfigureAwait(false);
        _stopping.Dispose();
        _controlTurn.Dispose();
        Release(_lock);
    }

    internal void ReturnReader(EngineConnection connection) => _readers.Return(connection);

    internal void ReturnStatements(EngineConnection connection) => _statements.Return(connection);

    /// <summary>Runs a call on its connection's thread. Cancelled, it kills the connection's statement and waits for
    /// the call's end all the same: the connection is in use until then.</summary>
    internal async Task<T> RunKillableAsync<T>(EngineConnection connection, Func<T> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var running = connection.RunAsync(call);
        if (cancellationToken.CanBeCanceled && !running.IsCompleted)
            await KillWhenCancelledAsync(connection, running, cancellationToken).ConfigureAwait(false);
        try
        {
            return await running.ConfigureAwait(false);
        }
        catch (LedgerException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("The statement was cancelled.", e, cancellationToken);
        }
    }

    internal static unsafe bool Append(nint stream, ReadOnlyMemory<byte> bytes)
    {
        using var pin = bytes.Pin();
        if (bytes.IsEmpty || Chdb.InsertAppend(stream, (byte*)pin.Pointer, (nuint)bytes.Length) == 0)
            return true;
        throw ClickHouseErrors.FromText(Marshal.PtrToStringUTF8((nint)Chdb.InsertError(stream)) ?? "The embedded ClickHouse took no more data of an insert.");
    }

    internal static StatementSummary Complete(nint stream)
    {
        var result = EngineResult.Check(Chdb.InsertDone(stream));
        var summary = result.Summary;
        result.Destroy();
        return summary;
    }

    private async Task OpenAsync()
    {
        await _control.RunAsync(() =>
        {
            var signals = SignalGuard.Save();
            Chdb.SetSignalHandlersEnabled(0);
            try
            {
                _control.Start();
            }
            finally
            {
                signals.Restore();
            }
            return true;
        }).ConfigureAwait(false);
    }

    private static StatementClass Classify(EngineConnection connection, EmbeddedQuery query)
    {
        if (string.IsNullOrWhiteSpace(query.Sql))
            throw new LedgerException("The statement is empty.", code: 62);
        connection.Clean();
        var kind = connection.Classify(query.Sql, out var statements);
        if (statements > 1)
            throw new LedgerException("Only one statement at a time.", code: 62);
        return kind;
    }

    private static (EngineResult Stream, EngineResult First) Start(EngineConnection connection, EmbeddedQuery query, StatementClass kind)
    {
        connection.Prepare(query.Database, query.Settings);
        // A SET or USE must find the connection that Clean will then renew.
        if (kind >= StatementClass.Control)
            connection.MarkDirty();
        if (kind != StatementClass.ReadOnly || !StreamedFormats.CanStream(query.Sql, query.Format))
            return (default, connection.Query(query.Sql, query.Format, query.Parameters));
        var stream = connection.StreamQuery(query.Sql, query.Format, query.Parameters);
        try
        {
            return (stream, connection.Fetch(stream));
        }
        catch
        {
            stream.Destroy();
            throw;
        }
    }

    private static StatementSummary Insert(EngineConnection connection, EmbeddedInsert insert, IReadOnlyList<ReadOnlyMemory<byte>> chunks)
    {
        var stream = connection.OpenInsert(insert);
        try
        {
            for (var i = 0; i < chunks.Count; i++)
                Append(stream, chunks[i]);
            return Complete(stream);
        }
        finally
        {
            Chdb.InsertDestroy(stream);
        }
    }

    private async Task KillWhenCancelledAsync(EngineConnection connection, Task running, CancellationToken cancellationToken)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellationToken.Register(static state => ((TaskCompletionSource)state!).TrySetResult(), cancelled).ConfigureAwait(false);
        if (await Task.WhenAny(running, cancelled.Task).ConfigureAwait(false) == running)
            return;
        do
            await KillAsync(connection.Mark).ConfigureAwait(false);
        while (await Task.WhenAny(running, Task.Delay(KillInterval, CancellationToken.None)).ConfigureAwait(false) != running);
    }

    private async Task KillAsync(string mark)
    {
        await _controlTurn.WaitAsync().ConfigureAwait(false);
        try
        {
            // ASYNC: the engine's KILL … SYNC hangs.
            await _control.RunAsync(() =>
            {
                _control.Run($"KILL QUERY WHERE Settings['log_comment'] = {SqlText.Literal(mark)} ASYNC");
                return true;
            }).ConfigureAwait(false);
        }
        finally
        {
            _controlTurn.Release();
        }
    }

    private static void Release(DirectoryLock? taken)
    {
        taken?.Dispose();
        Interlocked.Exchange(ref _running, 0);
    }

    private static string Option(string name, long value) => string.Create(CultureInfo.InvariantCulture, $"--{name}={value}");
}
