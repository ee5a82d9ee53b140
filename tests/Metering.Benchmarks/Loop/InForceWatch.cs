using System.Collections.Concurrent;
using System.Diagnostics;
using Metering.Client;
using Metering.Events;

namespace Metering.Benchmarks.Loop;

/// <summary>Asks a control view each millisecond, as a gateway asks it with each request, for decisions that are to come.</summary>
internal sealed class InForceWatch : IAsyncDisposable
{
    private readonly ControlView _view;
    private readonly ConcurrentQueue<Awaited> _new = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;
    private int _waiting;

    public InForceWatch(ControlView view)
    {
        _view = view;
        _watching = Task.Factory.StartNew(Watch, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private sealed record Awaited(string Scope, string Policy, Action<Decision, long> Seen);

    /// <summary>Awaited and not in force yet.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <param name="seen">Told the decision and the timestamp at which it was first seen in force, on the watch's thread.</param>
    public void Await(string scope, string policy, Action<Decision, long> seen)
    {
        Interlocked.Increment(ref _waiting);
        _new.Enqueue(new Awaited(scope, policy, seen));
    }

    public async Task UntilAllAsync(TimeSpan within, string what)
    {
        for (var since = Stopwatch.GetTimestamp(); Waiting > 0; await Task.Delay(20))
        {
            if (_watching.IsCompleted)
                await _watching;
            if (Stopwatch.GetElapsedTime(since) > within)
                throw new TimeoutException($"{Waiting} decisions are not in force within {within.TotalSeconds} s: {what}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private void Watch()
    {
        var awaited = new List<Awaited>();
        while (!_stop.IsCancellationRequested)
        {
            while (_new.TryDequeue(out var one))
                awaited.Add(one);
            for (var i = awaited.Count - 1; i >= 0; i--)
            {
                if (_view.InForce(awaited[i].Scope, awaited[i].Policy) is not { } decision)
                    continue;
                awaited[i].Seen(decision, Stopwatch.GetTimestamp());
                awaited.RemoveAt(i);
                Interlocked.Decrement(ref _waiting);
            }
            _stop.Token.WaitHandle.WaitOne(1);
        }
    }
}
