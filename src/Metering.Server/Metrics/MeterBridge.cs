using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Prometheus;

namespace Metering.Server.Metrics;

/// <summary>
/// Publishes the instruments of our meters (<see cref="System.Diagnostics.Metrics.Meter"/>s whose name begins with
/// "metering") in a Prometheus registry, so that components know nothing of Prometheus. prometheus-net's own adapter
/// forgets counters that rest for a while, which reads as a reset; here a series stays. Observable instruments are asked
/// at each scrape. Thread-safe.
/// </summary>
internal sealed class MeterBridge : IDisposable
{
    /// <summary>Series an instrument may have: a label that grows without bound is a mistake, and must not cost the memory.</summary>
    public const int MaxSeries = 1000;

    private readonly MetricFactory _factory;
    private readonly Counter _refused;
    private readonly Counter _failures;
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, PublishedInstrument> _published = new(StringComparer.Ordinal);

    public MeterBridge(CollectorRegistry registry)
    {
        _factory = Prometheus.Metrics.WithCustomRegistry(registry);
        _refused = _factory.CreateCounter("metering_metrics_series_refused_total",
            "Measurements dropped because their instrument has too many series.", "metric");
        _failures = _factory.CreateCounter("metering_metrics_failures_total", "Scrapes at which an observable instrument threw.");
        _listener.InstrumentPublished = OnPublished;
        _listener.SetMeasurementEventCallback<byte>((i, v, t, s) => Record(v, t, s));
        _listener.SetMeasurementEventCallback<short>((i, v, t, s) => Record(v, t, s));
        _listener.SetMeasurementEventCallback<int>((i, v, t, s) => Record(v, t, s));
        _listener.SetMeasurementEventCallback<long>((i, v, t, s) => Record(v, t, s));
        _listener.SetMeasurementEventCallback<float>((i, v, t, s) => Record(v, t, s));
        _listener.SetMeasurementEventCallback<double>((i, v, t, s) => Record(v, t, s));
        _listener.SetMeasurementEventCallback<decimal>((i, v, t, s) => Record((double)v, t, s));
        _listener.Start();
        registry.AddBeforeCollectCallback(ObserveAll);
    }

    public void Dispose() => _listener.Dispose();

    private void OnPublished(Instrument instrument, MeterListener listener)
    {
        if (!instrument.Meter.Name.StartsWith("metering", StringComparison.OrdinalIgnoreCase))
            return;
        // Several meters may publish one instrument (a task each): they share its series.
        var published = _published.GetOrAdd(PrometheusNames.Of(instrument),
            static (name, args) => new PublishedInstrument(args.Factory, args.Refused, args.Instrument, name),
            (Factory: _factory, Refused: _refused, Instrument: instrument));
        listener.EnableMeasurementEvents(instrument, published);
    }

    private void ObserveAll()
    {
        try
        {
            _listener.RecordObservableInstruments();
        }
        catch (AggregateException)
        {
            // One part that throws (it is being stopped, say) must not blind us to the others; the count shows it.
            _failures.Inc();
        }
    }

    private static void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state) =>
        ((PublishedInstrument)state!).Record(value, tags);
}
