using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using Prometheus;

namespace Metering.Server.Metrics;

/// <summary>One instrument's series in the registry. Its labels are those of its first measurement. Thread-safe.</summary>
internal sealed class PublishedInstrument(MetricFactory factory, Counter refused, Instrument instrument, string name)
{
    // Commits take milliseconds, inserts up to seconds, restores up to minutes.
    private static readonly double[] Seconds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private static readonly double[] Sizes = Histogram.ExponentialBuckets(1, 4, 14);

    private readonly Kind _kind = KindOf(instrument);
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, Action<double>> _series = new(StringComparer.Ordinal);
    private Func<string[], Action<double>>? _create;
    private string[] _labels = [];

    private enum Kind
    {
        Counter,
        ObservedCounter,
        Sum,
        Gauge,
        Histogram,
    }

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var values = Values(tags);
        var key = string.Join('\u001f', values);
        if (!_series.TryGetValue(key, out var record))
        {
            if (Add(key, values) is not { } added)
            {
                refused.WithLabels(name).Inc();
                return;
            }
            record = added;
        }
        record(value);
    }

    private Action<double>? Add(string key, string[] values)
    {
        lock (_lock)
        {
            if (_series.TryGetValue(key, out var existing))
                return existing;
            if (_series.Count >= MeterBridge.MaxSeries)
                return null;
            return _series[key] = _create!(values);
        }
    }

    private string[] Values(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = Labels(tags);
        var values = new string[labels.Length];
        for (var i = 0; i < labels.Length; i++)
        {
            values[i] = "";
            foreach (var tag in tags)
            {
                if (string.Equals(PrometheusNames.Label(tag.Key), labels[i], StringComparison.Ordinal))
                    values[i] = Convert.ToString(tag.Value, CultureInfo.InvariantCulture) ?? "";
            }
        }
        return values;
    }

    private string[] Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_lock)
        {
            if (_create is null)
            {
                _labels = new string[tags.Length];
                for (var i = 0; i < tags.Length; i++)
                    _labels[i] = PrometheusNames.Label(tags[i].Key);
                _create = CreateMetric();
            }
            return _labels;
        }
    }

    private Func<string[], Action<double>> CreateMetric()
    {
        var help = instrument.Description ?? name;
        switch (_kind)
        {
            case Kind.Counter:
                var counter = factory.CreateCounter(name, help, _labels);
                return values => Growing(counter.WithLabels(values));
            case Kind.ObservedCounter:
                var observed = factory.CreateCounter(name, help, _labels);
                return values => observed.WithLabels(values).IncTo;
            case Kind.Sum:
                var sum = factory.CreateGauge(name, help, _labels);
                return values => sum.WithLabels(values).Inc;
            case Kind.Gauge:
                var gauge = factory.CreateGauge(name, help, _labels);
                return values => gauge.WithLabels(values).Set;
            default:
                var buckets = string.Equals(instrument.Unit, "s", StringComparison.Ordinal) ? Seconds : Sizes;
                var histogram = factory.CreateHistogram(name, help, _labels, new HistogramConfiguration { Buckets = buckets });
                return values => histogram.WithLabels(values).Observe;
        }
    }

    /// <summary>prometheus-net throws at a counter that shrinks, and would throw into the component that counted.</summary>
    private static Action<double> Growing(Counter.Child child) => value =>
    {
        if (value > 0)
            child.Inc(value);
    };

    private static Kind KindOf(Instrument instrument)
    {
        var type = instrument.GetType();
        var generic = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        if (generic == typeof(Counter<>))
            return Kind.Counter;
        if (generic == typeof(ObservableCounter<>))
            return Kind.ObservedCounter;
        if (generic == typeof(UpDownCounter<>))
            return Kind.Sum;
        return generic == typeof(Histogram<>) ? Kind.Histogram : Kind.Gauge;
    }
}
