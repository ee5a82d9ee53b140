using Metering.LocalBroker.Log;

namespace Metering.LocalBroker.Calls;

/// <summary>Waits for an arrival, the end of the time, or the end of the client. Without exceptions or a task per round:
/// idle consumers wait all the time.</summary>
internal sealed class FetchWaiter : IArrivalWatcher, IDisposable
{
    private readonly SemaphoreSlim _woken = new(0);
    private readonly ITimer _timer;
    private readonly CancellationTokenRegistration _registration;
    private int _signalled;
    private volatile bool _isOver;

    public FetchWaiter(TimeProvider time, TimeSpan maxWait, CancellationToken aborted)
    {
        _timer = time.CreateTimer(static waiter => ((FetchWaiter)waiter!).End(), this, maxWait, Timeout.InfiniteTimeSpan);
        _registration = aborted.UnsafeRegister(static waiter => ((FetchWaiter)waiter!).End(), this);
    }

    public void Arrived()
    {
        if (Interlocked.Exchange(ref _signalled, 1) == 0)
            _woken.Release();
    }

    /// <returns>False when the wait is over.</returns>
    public async ValueTask<bool> WaitAsync()
    {
        if (_isOver)
            return false;
        await _woken.WaitAsync(CancellationToken.None);
        Volatile.Write(ref _signalled, 0);
        return !_isOver;
    }

    public void Dispose()
    {
        // The semaphore has no handle and is left alone: an arrival may be on its way.
        _registration.Dispose();
        _timer.Dispose();
    }

    private void End()
    {
        _isOver = true;
        Arrived();
    }
}
