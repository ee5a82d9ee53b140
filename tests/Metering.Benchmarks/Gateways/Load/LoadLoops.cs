namespace Metering.Benchmarks.Gateways.Load;

/// <summary>Saturation: as many requests under way as there are connections, for a time.</summary>
internal sealed class ClosedLoop(LoadOrder order) : LoadLoop(order)
{
    private long End => Begin + (long)(Order.Seconds * 1e9);

    // Due at once: what is measured is the service's own time.
    protected override long? NextDue => System.Diagnostics.Stopwatch.GetTimestamp() is var now && now >= End ? null : UnderWay < Order.Amount ? now : Never;

    protected override int FirstConnections => Order.Amount;

    protected override void Sent()
    {
    }

    protected override void Complete(LoadConnection connection, long now) => Latencies.Add(now - connection.DueAt);
}

/// <summary>A rate that no slow answer holds up: more connections are made when all are busy.</summary>
internal sealed class RateLoop(LoadOrder order) : LoadLoop(order)
{
    private readonly long[] _due = Arrivals.Independent(order.Amount, TimeSpan.FromSeconds(order.Seconds), order.Seed);
    private int _sent;

    protected override long? NextDue => _sent < _due.Length ? Begin + _due[_sent] : null;

    protected override int FirstConnections => 16;

    protected override void Sent() => _sent++;

    protected override void Complete(LoadConnection connection, long now) => Latencies.Add(now - connection.DueAt);
}

/// <summary>Many streams at once: a time to the first token each, and the gaps between all tokens.</summary>
internal sealed class StreamLoop(LoadOrder order, Action allBegun) : LoadLoop(order)
{
    private readonly long[] _due = Arrivals.Even(order.Amount, TimeSpan.FromSeconds(order.Seconds));
    private int _sent;

    protected override long? NextDue => _sent < _due.Length ? Begin + _due[_sent] : null;

    protected override int FirstConnections => Order.Amount;

    protected override void Sent() => _sent++;

    protected override void Heard(LoadConnection connection, long now)
    {
        if (connection.HeardAt != 0)
        {
            Gaps.Add(now - connection.HeardAt);
            return;
        }
        Latencies.Add(now - connection.DueAt);
        if (Latencies.Count == Order.Amount)
            allBegun();
    }

    protected override void Complete(LoadConnection connection, long now)
    {
    }
}
