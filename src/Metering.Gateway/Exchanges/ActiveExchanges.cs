using Metering.Client;

namespace Metering.Gateway.Exchanges;

/// <summary>
/// The exchanges under way. A sweep looks at them four times a second: it gives up those whose upstream is silent for too long, and
/// tells the journal how far long streams have come, so that no request pays for a timer of its own.
/// </summary>
internal sealed class ActiveExchanges(IRequestJournal journal, TimeSpan progressInterval, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(5);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private Exchange? _first;
    private int _count;
    private int _inside;
    private Task _sweep = Task.CompletedTask;

    /// <summary>Under way, those included whose tokens are being counted after their end.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>A request has come, of which nothing is known yet.</summary>
    public void Entered() => Interlocked.Increment(ref _inside);

    /// <summary>It has been answered.</summary>
    public void Left() => Interlocked.Decrement(ref _inside);

    public void Start() => _sweep = Task.Run(SweepAsync);

    public void Add(Exchange exchange)
    {
        lock (_gate)
        {
            exchange.Next = _first;
            if (_first is not null)
                _first.Previous = exchange;
            _first = exchange;
            _count++;
        }
    }

    public void Remove(Exchange exchange)
    {
        lock (_gate)
        {
            if (exchange.Previous is { } previous)
                previous.Next = exchange.Next;
            else
                _first = exchange.Next;
            if (exchange.Next is { } next)
                next.Previous = exchange.Previous;
            exchange.Next = exchange.Previous = null;
            _count--;
        }
    }

    /// <summary>Waits until all have ended, those that are still to be admitted too, or for a time.</summary>
    /// <returns>False when the time came first.</returns>
    public async Task<bool> DrainAsync(TimeSpan atMost)
    {
        for (var since = time.GetTimestamp(); Count > 0 || Volatile.Read(ref _inside) > 0; await Task.Delay(LookEvery, time))
        {
            if (time.GetElapsedTime(since) > atMost)
                return false;
        }
        return true;
    }

    public void CancelAll(EndReason reason)
    {
        foreach (var exchange in Snapshot())
            exchange.Cancel(reason);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _sweep;
        _stop.Dispose();
    }

    private async Task SweepAsync()
    {
        using var timer = new PeriodicTimer(SweepEvery, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                foreach (var exchange in Snapshot())
                    LookAt(exchange);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return;
        }
    }

    private void LookAt(Exchange exchange)
    {
        if (exchange.IsOverdue)
            exchange.Cancel(EndReason.TimedOut);
        var (told, at) = exchange.Journaled;
        var output = exchange.OutputTokens;
        if (exchange.JournalNumber == 0 || output == told || time.GetElapsedTime(at) < progressInterval)
            return;
        exchange.Journaled = (output, time.GetTimestamp());
        journal.Progress(exchange.JournalNumber, -1, output);
    }

    private Exchange[] Snapshot()
    {
        lock (_gate)
        {
            if (_first is null)
                return [];
            var all = new Exchange[_count];
            var at = 0;
            for (var exchange = _first; exchange is not null; exchange = exchange.Next)
                all[at++] = exchange;
            return all;
        }
    }
}
