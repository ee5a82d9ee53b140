using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Metering.Client.Spool;

/// <summary>
/// Forces appended bytes to the disk as the policy says. It owns the segments' writing handles: sealed ones are closed
/// after their last sync.
/// </summary>
internal sealed class SpoolSync(string folder, SpoolOptions options, TimeProvider clock, ILogger log) : IDisposable
{
    // Held while the disk works; the appender takes it only when it rolls.
    private readonly Lock _gate = new();
    private readonly Lock _handles = new();
    private readonly List<SafeFileHandle> _sealed = [];
    private readonly CancellationTokenSource _stop = new();
    private SafeFileHandle? _active;
    private bool _folderChanged;
    private long _appendedBytes;
    private long _syncedBytes;
    private Func<bool> _calm = () => false;
    private Task? _loop;

    public long AppendedBytes => Volatile.Read(ref _appendedBytes);

    public long SyncedBytes => Volatile.Read(ref _syncedBytes);

    /// <param name="calm">Asked at each tick: true when everything appended before the last tick is acknowledged, or synced.</param>
    public void Start(Func<bool> calm)
    {
        _calm = calm;
        if (options.Fsync == SpoolFsync.Interval)
            _loop = Task.Run(LoopAsync);
    }

    public void Appended(int bytes) => Volatile.Write(ref _appendedBytes, _appendedBytes + bytes);

    public void Rolled(SafeFileHandle handle)
    {
        lock (_handles)
        {
            if (_active is not null)
                _sealed.Add(_active);
            _active = handle;
            _folderChanged = true;
        }
    }

    /// <summary>Returns when everything up to the mark is on the disk; many callers share one sync.</summary>
    public void Reach(long mark)
    {
        if (Volatile.Read(ref _syncedBytes) >= mark)
            return;
        lock (_gate)
        {
            if (_syncedBytes < mark)
                SyncAll();
        }
    }

    private async Task LoopAsync()
    {
        // Twice an interval: what is older than a tick is synced at the next, so nothing waits longer than the interval.
        using var timer = new PeriodicTimer(options.FsyncInterval / 2, clock);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(_stop.Token);
                // What the broker has needs no disk of ours, and it mostly has it by now.
                if (_calm())
                    Forget();
                else
                    Reach(AppendedBytes);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                SpoolLog.SyncFailed(log, folder, e);
            }
        }
    }

    private void SyncAll()
    {
        var target = AppendedBytes;
        var (done, active, folderChanged) = Take();
        try
        {
            foreach (var handle in done)
                RandomAccess.FlushToDisk(handle);
            if (active is not null)
                RandomAccess.FlushToDisk(active);
            if (folderChanged)
                DurableFile.SyncFolder(folder);
            Volatile.Write(ref _syncedBytes, target);
        }
        catch
        {
            lock (_handles)
                _folderChanged |= folderChanged;
            throw;
        }
        finally
        {
            foreach (var handle in done)
                handle.Dispose();
        }
    }

    private void Forget()
    {
        lock (_gate)
        {
            var (done, _, folderChanged) = Take();
            foreach (var handle in done)
                handle.Dispose();
            // Another append may have come meanwhile: its segment's name still wants to be durable.
            lock (_handles)
                _folderChanged |= folderChanged;
        }
    }

    private (SafeFileHandle[] Done, SafeFileHandle? Active, bool FolderChanged) Take()
    {
        lock (_handles)
        {
            SafeFileHandle[] done = [.. _sealed];
            _sealed.Clear();
            var changed = _folderChanged;
            _folderChanged = false;
            return (done, _active, changed);
        }
    }

    /// <summary>Ends the loop, with a last sync.</summary>
    public async ValueTask StopAsync()
    {
        await _stop.CancelAsync();
        if (_loop is not null)
            await _loop;
        if (options.Fsync != SpoolFsync.Never)
            Reach(AppendedBytes);
    }

    public void Dispose()
    {
        _stop.Cancel();
        lock (_handles)
        {
            foreach (var handle in _sealed)
                handle.Dispose();
            _sealed.Clear();
            _active?.Dispose();
        }
        _stop.Dispose();
    }
}
