namespace Metering.Simulation.Leases;

/// <summary>Virtual time, in µs: what is to happen, in order; what happens at one moment happens in the order in which it was planned.</summary>
internal sealed class SimWorld(Random random)
{
    private readonly PriorityQueue<Action, (long At, long Order)> _plans = new();
    private long _planned;

    /// <summary>2026-11-10 11:59:57, so that a minute, an hour and half a day turn three seconds later.</summary>
    public const long Start = 1_794_311_997_000_000;

    public Random Random { get; } = random;

    public long Now { get; private set; } = Start;

    public long Steps { get; private set; }

    public void After(long micros, Action action) => _plans.Enqueue(action, (Now + Math.Max(0, micros), _planned++));

    /// <summary>Again and again, until it says no.</summary>
    public void Every(Func<long> micros, Func<bool> action) => After(micros(), () =>
    {
        if (action())
            Every(micros, action);
    });

    public void RunUntil(long micros)
    {
        while (_plans.TryPeek(out var action, out var plan) && plan.At <= micros)
        {
            _plans.Dequeue();
            Now = plan.At;
            Steps++;
            action();
        }
        Now = micros;
    }
}
