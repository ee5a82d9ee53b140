namespace Metering.Client.Sending;

/// <summary>Lets any number of tasks wait for the next time that something happened. Costs a read when nobody waits.</summary>
internal sealed class Pulse
{
    private TaskCompletionSource? _waiters;

    /// <summary>Completes at the next <see cref="Beat"/>. Take it before looking at what is waited for.</summary>
    public Task Next
    {
        get
        {
            var waiters = Volatile.Read(ref _waiters);
            if (waiters is null)
            {
                var fresh = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                waiters = Interlocked.CompareExchange(ref _waiters, fresh, null) ?? fresh;
            }
            return waiters.Task;
        }
    }

    public void Beat()
    {
        if (Volatile.Read(ref _waiters) is not null)
            Interlocked.Exchange(ref _waiters, null)?.SetResult();
    }
}
