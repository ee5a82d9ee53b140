using Metering.LocalBroker.Storage;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Groups;

/// <summary>
/// What happens when nothing is heard in time: one timer, set to the nearest deadline, and none at all while there is no
/// deadline. All members are called under the broker's gate; deadlines fall due on a pool thread, which takes it.
/// </summary>
internal sealed class Deadlines : IDisposable
{
    /// <summary>Timers take 32 bits of milliseconds; a deadline beyond is looked at again on the way.</summary>
    private const long LongestSleepMs = 24 * 3_600_000;

    private readonly SortedSet<Deadline> _queue = new(Comparer<Deadline>.Create(static (a, b) =>
        a.QueuedMs != b.QueuedMs ? a.QueuedMs.CompareTo(b.QueuedMs) : a.Number.CompareTo(b.Number)));

    private readonly Lock _gate;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _origin;
    private readonly ITimer _timer;
    private long _numbers;
    private long _timerMs = Deadline.Never;
    private bool _running;
    private bool _disposed;

    public Deadlines(Lock gate, TimeProvider time, ILogger logger)
    {
        _gate = gate;
        _time = time;
        _logger = logger;
        _origin = time.GetTimestamp();
        _timer = time.CreateTimer(static state => ((Deadlines)state!).TimerFired(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public int Count => _queue.Count;

    private long NowMs => (long)_time.GetElapsedTime(_origin).TotalMilliseconds;

    /// <summary>Sets a deadline, or moves it. Moving it to later, which each heartbeat does, costs nothing: it stays where it
    /// is queued and is looked at again there. At least 1 ms, so that what sets itself again does not spin.</summary>
    public void Set(Deadline deadline, long delayMs)
    {
        if (_disposed)
            return;
        deadline.DueMs = NowMs + Math.Max(delayMs, 1);
        if (deadline.QueuedMs <= deadline.DueMs)
            return;
        Dequeue(deadline);
        Enqueue(deadline);
        SetTimer();
    }

    public void Cancel(Deadline deadline)
    {
        deadline.DueMs = Deadline.Never;
        Dequeue(deadline);
    }

    public void Dispose()
    {
        _disposed = true;
        _queue.Clear();
        _timer.Dispose();
    }

    private void TimerFired()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _timerMs = Deadline.Never;
            _running = true;
            try
            {
                RunDue();
            }
            catch (JournalFailedException e)
            {
                // The store drops this state with its deadlines and recovers another from the disk.
                GroupLog.DeadlineFailed(_logger, e);
            }
            finally
            {
                _running = false;
                SetTimer();
            }
        }
    }

    private void RunDue()
    {
        var nowMs = NowMs;
        while (_queue.Min is { } first && first.QueuedMs <= nowMs)
        {
            Dequeue(first);
            if (first.DueMs > nowMs)
            {
                Enqueue(first);
                continue;
            }
            first.DueMs = Deadline.Never;
            first.OnDue();
        }
    }

    private void Enqueue(Deadline deadline)
    {
        deadline.QueuedMs = deadline.DueMs;
        deadline.Number = ++_numbers;
        _queue.Add(deadline);
    }

    private void Dequeue(Deadline deadline)
    {
        if (deadline.QueuedMs == Deadline.Never)
            return;
        _queue.Remove(deadline);
        deadline.QueuedMs = Deadline.Never;
    }

    /// <summary>A timer that is set too early is left: it finds nothing due and sets itself anew.</summary>
    private void SetTimer()
    {
        if (_running || _disposed || _queue.Min is not { } first || first.QueuedMs >= _timerMs)
            return;
        _timerMs = first.QueuedMs;
        _timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(_timerMs - NowMs, 0, LongestSleepMs)), Timeout.InfiniteTimeSpan);
    }
}

/// <summary>One thing that has a time limit.</summary>
/// <param name="onDue">Called under the gate, after the deadline was taken away.</param>
internal sealed class Deadline(Action onDue)
{
    public const long Never = long.MaxValue;

    public Action OnDue => onDue;

    public bool IsSet => DueMs != Never;

    /// <summary>Milliseconds since <see cref="Deadlines"/> began, monotonic: a clock that is set moves no deadline.</summary>
    public long DueMs { get; set; } = Never;

    /// <summary>Where it stands in the queue: at its due time or before.</summary>
    public long QueuedMs { get; set; } = Never;

    /// <summary>Tells those of one millisecond apart, the first first.</summary>
    public long Number { get; set; }
}
