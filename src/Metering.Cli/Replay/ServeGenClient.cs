using System.Runtime.InteropServices;
using Metering.Cli.Workload;

namespace Metering.Cli.Replay;

/// <summary>How often and how bursty a client sends in one window.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ServeGenWindow(long StartMicros, double RequestsPerSecond, ArrivalLaw Law);

/// <summary>How large a client's requests are in one period.</summary>
internal sealed class ServeGenSizes(long startMicros)
{
    public long StartMicros { get; } = startMicros;

    public QuantileCurve? Input { get; set; }

    public QuantileCurve? Output { get; set; }

    public QuantileCurve? ReasoningRatio { get; set; }
}

/// <summary>One client's parameters.</summary>
internal sealed class ServeGenClient(string model, string name)
{
    private List<ServeGenSizes> _sizes = [];

    public string Model { get; } = model;

    public string Name { get; } = name;

    public List<ServeGenWindow> Windows { get; } = [];

    public bool HasSizes => _sizes.Count > 0;

    /// <summary>The period that begins at this time, new if need be.</summary>
    public ServeGenSizes Period(long startMicros)
    {
        if (_sizes.Count > 0 && _sizes[^1].StartMicros == startMicros)
            return _sizes[^1];
        var period = _sizes.Find(s => s.StartMicros == startMicros);
        if (period is null)
            _sizes.Add(period = new ServeGenSizes(startMicros));
        return period;
    }

    /// <summary>Keeps the periods that have both counts, in order of time.</summary>
    public void DropHalfPeriods() =>
        _sizes = [.. _sizes.Where(s => s.Input is not null && s.Output is not null).OrderBy(s => s.StartMicros)];

    public void Borrow(ServeGenClient lender) => _sizes = lender._sizes;

    /// <summary>The sizes at a time: the last period that has begun, or the first there is.</summary>
    public ServeGenSizes SizesAt(long micros)
    {
        var i = _sizes.Count - 1;
        while (i > 0 && _sizes[i].StartMicros > micros)
            i--;
        return _sizes[i];
    }
}
