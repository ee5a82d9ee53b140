namespace Metering.Simulation.Sink;

/// <summary>The one thread of a process: what its tasks would go on with waits here until the simulation lets it run.</summary>
internal sealed class SimThread : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _ready = [];

    public bool IsReady => _ready.Count > 0;

    public override void Post(SendOrPostCallback d, object? state) => _ready.Enqueue((d, state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("nothing waits for another thread here");

    public override SynchronizationContext CreateCopy() => this;

    public void RunOne()
    {
        var (callback, state) = _ready.Dequeue();
        Run(() => callback(state));
    }

    public void Run(Action action)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            action();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }
}
