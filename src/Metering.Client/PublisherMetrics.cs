using System.Diagnostics.Metrics;

namespace Metering.Client;

/// <summary>The publisher's instruments, meter <c>Metering.Client</c>, tagged with the source.</summary>
internal sealed class PublisherMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly KeyValuePair<string, object?> _source;
    private readonly Counter<long> _refused;

    public PublisherMetrics(TokenEventPublisher publisher)
    {
        _meter = new Meter("Metering.Client");
        var source = new KeyValuePair<string, object?>("source", publisher.Stats.Source);
        _source = source;
        _refused = _meter.CreateCounter<long>("metering.publisher.refused", "{event}", "Events not taken, by reason: the caller was told");
        Observe("metering.publisher.accepted", "{event}", "Events accepted into the spool in this epoch", s => s.Accepted);
        Observe("metering.publisher.acknowledged", "{event}", "Events of this epoch acknowledged by the broker", s => s.Acknowledged);
        Observe("metering.publisher.expired", "{event}", "Events that waited too long in the spool and were not sent", s => s.Expired);
        Observe("metering.publisher.damaged", "{event}", "Events that the spool lost to a damaged disk", s => s.Damaged);
        Gauge("metering.publisher.spooled", "{event}", "Events accepted and not yet acknowledged", s => s.SpooledEvents);
        Gauge("metering.publisher.spool.size", "By", "Bytes of the spool on disk", s => s.SpooledBytes);

        void Observe(string name, string unit, string description, Func<PublisherStats, long> value) =>
            _meter.CreateObservableCounter(name, () => new Measurement<long>(value(publisher.Stats), source), unit, description);

        void Gauge(string name, string unit, string description, Func<PublisherStats, long> value) =>
            _meter.CreateObservableGauge(name, () => new Measurement<long>(value(publisher.Stats), source), unit, description);
    }

    public void Refused(PublishStatus status) => _refused.Add(1, _source, new KeyValuePair<string, object?>("reason", ReasonOf(status)));

    public void Dispose() => _meter.Dispose();

    private static string ReasonOf(PublishStatus status) => status switch
    {
        PublishStatus.SpoolFull => "spool_full",
        PublishStatus.SpoolFailed => "spool_failed",
        _ => "invalid",
    };
}
