using System.Collections.Concurrent;

namespace Metering.ClickHouse.Embedded;

/// <summary>One thread of its own for calls that block, and that the engine wants from one thread.</summary>
internal sealed class EngineThread : IDisposable
{
    // The owner has at most one call under way; a second waits only for the first one's last instructions.
    private readonly BlockingCollection<Action> _calls = new(boundedCapacity: 1);
    private readonly Thread _thread;

    public EngineThread(string name)
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Runs the call there; its exception is the task's.</summary>
    public Task<T> RunAsync<T>(Func<T> call)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls.Add(() =>
        {
            try
            {
                done.SetResult(call());
            }
#pragma warning disable CA1031 // The loop's top: whatever it is belongs to the caller.
            catch (Exception e)
#pragma warning restore CA1031
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    /// <summary>Lets the call under way end, then the thread ends.</summary>
    public void Dispose()
    {
        _calls.CompleteAdding();
        _thread.Join();
        _calls.Dispose();
    }

    private void Loop()
    {
        foreach (var call in _calls.GetConsumingEnumerable())
            call();
    }
}
