using System.Collections.Concurrent;
using Metering.LocalBroker.Log;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Storage;

/// <summary>The broker's directory: locks it, recovers the state from it, keeps it tidy (checkpoints, retention, compaction), and recovers
/// again when the disk had failed. One task does all of this, one thing at a time.</summary>
internal sealed class BrokerStore : IAsyncDisposable
{
    private readonly LocalBrokerOptions _options;
    private readonly StoreSettings _settings;
    private readonly StoreFolders _folders;
    private readonly ILogger _logger;
    private readonly IDisposable _directoryLock;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _tick;
    private readonly Checkpointer _checkpointer;
    private readonly ConcurrentQueue<TaskCompletionSource> _whenTidied = new();
    private volatile BrokerState? _state;
    private SegmentFiles? _segments;
    private BrokerState? _failed;
    private volatile bool _ticked;
    private volatile bool _checkpointDue;
    private Task _work = Task.CompletedTask;
    private bool _isFull;
    private long _recordsBefore;
    private long _bytesBefore;

    private BrokerStore(LocalBrokerOptions options, StoreSettings settings, IDisposable directoryLock, StoreFolders folders)
    {
        _options = options;
        _settings = settings;
        _folders = folders;
        _directoryLock = directoryLock;
        _logger = options.Loggers.CreateLogger("Metering.LocalBroker");
        _checkpointer = new(settings.Files, folders, _logger);
        _tick = options.Time.CreateTimer(_ => Tick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Returns once the state is recovered.</summary>
    /// <exception cref="InvalidDataException">What lies there is not a broker's, or of a later version.</exception>
    /// <exception cref="IOException">Another process has it open, or the disk fails.</exception>
    public static Task<BrokerStore> OpenAsync(LocalBrokerOptions options) => OpenAsync(options, StoreSettings.Default);

    internal static async Task<BrokerStore> OpenAsync(LocalBrokerOptions options, StoreSettings settings)
    {
        options = options with { Directory = Path.GetFullPath(options.Directory) };
        StoreFolders folders = new(options.Directory);
        CreateDurably(settings.Files, options.Directory);
        BrokerStore store = new(options, settings, settings.Files.Lock(folders.Lock), folders);
        try
        {
            await store.RecoverAsync();
        }
        catch
        {
            store._directoryLock.Dispose();
            await store._tick.DisposeAsync();
            throw;
        }
        if (options.Durability == Durability.Process)
            StorageLog.ProcessMode(store._logger);
        store._tick.Change(settings.HousekeepingInterval, settings.HousekeepingInterval);
        store._work = Task.Run(store.WorkAsync);
        return store;
    }

    /// <summary>Null while the disk fails and nothing can be recovered: calls answer KAFKA_STORAGE_ERROR. Read it anew for each call.</summary>
    public BrokerState? State => _state;

    /// <summary>For metrics.</summary>
    public BrokerFigures Figures()
    {
        if (_state is not { } state)
            return new(false, _recordsBefore, _bytesBefore, 0, 0, 0, 0, 0, 0);
        lock (state.Gate)
        {
            return new(true, _recordsBefore + state.Logs.RecordsIn, _bytesBefore + state.Logs.BytesIn, state.Logs.LogBytes, state.Logs.OpenTransactions, state.Topics.Logs.Count,
                state.Journal.Syncs, state.Journal.LastSyncMs, state.Journal.FileBytes);
        }
    }

    /// <summary>Looks after the logs now; for tests.</summary>
    internal Task TidyAsync()
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _whenTidied.Enqueue(done);
        Tick();
        return done.Task;
    }

    /// <summary>A last checkpoint, so that the next start is quick.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        await _tick.DisposeAsync();
        if (_state is { } state)
        {
            _state = null;
            try
            {
                await _checkpointer.RunAsync(state, _segments!, isClean: true);
                _segments!.DeleteRemoved();
            }
            catch (IOException failure)
            {
                StorageLog.HousekeepingFailed(_logger, failure); // the journal holds all of it
            }
            await state.DisposeAsync();
        }
        _directoryLock.Dispose();
        _stop.Dispose();
        _wake.Dispose();
    }

    /// <summary>A folder whose own name a power cut takes away takes all in it along.</summary>
    private static void CreateDurably(IFiles files, string folder)
    {
        if (files.FolderExists(folder) || Path.GetDirectoryName(folder) is not { } parent)
            return;
        CreateDurably(files, parent);
        files.CreateFolder(folder);
        files.SyncFolder(parent);
    }

    private async Task RecoverAsync()
    {
        var (state, segments) = await new Recovery(_options, _settings, _logger).RunAsync(OnFailed);
        _segments = segments;
        _isFull = false;
        CheckSpace(state);
        PlanCheckpoint(state);
        _state = state;
    }

    /// <summary>On the thread that met the failure.</summary>
    private void OnFailed(BrokerState state, Exception failure)
    {
        Interlocked.CompareExchange(ref _state, null, state);
        Volatile.Write(ref _failed, state);
        Wake();
    }

    private void Tick()
    {
        _ticked = true;
        Wake();
    }

    private void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (ObjectDisposedException)
        {
            // stopped
        }
    }

    private async Task WorkAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var asked = 0;
            try
            {
                await _wake.WaitAsync(_stop.Token);
                asked = _whenTidied.Count;
                if (Interlocked.Exchange(ref _failed, null) is { } failed)
                    await RecoverUntilItSucceedsAsync(failed);
                else if (_state is { } state)
                    await KeepHouseAsync(state);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                StorageLog.HousekeepingFailed(_logger, failure);
            }
            catch (InvalidDataException failure)
            {
                StorageLog.Lost(_logger, failure); // calls answer KAFKA_STORAGE_ERROR
                return;
            }
            for (; asked > 0 && _whenTidied.TryDequeue(out var done); asked--)
                done.TrySetResult();
        }
    }

    private async Task RecoverUntilItSucceedsAsync(BrokerState failed)
    {
        await failed.DisposeAsync();
        _recordsBefore += failed.Logs.RecordsIn;
        _bytesBefore += failed.Logs.BytesIn;
        while (true)
        {
            try
            {
                await RecoverAsync();
                return;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                StorageLog.RecoveryFailed(_logger, failure);
            }
            await Task.Delay(TimeSpan.FromSeconds(1), _options.Time, _stop.Token);
        }
    }

    private async Task KeepHouseAsync(BrokerState state)
    {
        if (_checkpointDue)
        {
            await CheckpointAsync(state);
            CheckSpace(state);
        }
        if (!_ticked)
            return;
        _ticked = false;
        CheckSpace(state);
        _segments!.DeleteRemoved();
        TidyLogs(state);
        state.Journal.Trim();
    }

    private void TidyLogs(BrokerState state)
    {
        var nowMs = _options.Time.GetUtcNow().ToUnixTimeMilliseconds();
        Retention.Run(state.Gate, state.Topics, nowMs, _logger);
        if (!_isFull) // a compacted segment needs room before the old ones go
            new Compactor(_segments!, state.Gate, _stop.Token).Run(state.Topics, nowMs);
    }

    private async Task CheckpointAsync(BrokerState state)
    {
        _checkpointDue = false;
        try
        {
            await _checkpointer.RunAsync(state, _segments!, isClean: false);
        }
        finally
        {
            PlanCheckpoint(state); // one that failed is tried again when as much more was written
        }
    }

    private void PlanCheckpoint(BrokerState state)
    {
        lock (state.Gate)
        {
            state.Journal.CallAfter(_settings.CheckpointBytes, () =>
            {
                _checkpointDue = true;
                Wake();
            });
        }
    }

    /// <summary>Producers are refused before the disk is full: then consumers, offsets and ends of transactions go on, and a checkpoint has room.</summary>
    private void CheckSpace(BrokerState state)
    {
        var free = _settings.Files.FreeBytes(_options.Directory);
        var isFull = free < _settings.FreeFloorBytes;
        lock (state.Gate)
            state.Journal.TakesRecords = !isFull;
        if (isFull == _isFull)
            return;
        _isFull = isFull;
        if (isFull)
            StorageLog.DiskNearlyFull(_logger, _options.Directory, free, _settings.FreeFloorBytes);
        else
            StorageLog.DiskHasRoom(_logger, _options.Directory);
        var interval = isFull ? TimeSpan.FromSeconds(1) : _settings.HousekeepingInterval;
        _tick.Change(interval, interval);
    }
}
