using System.Diagnostics.Metrics;
using Metering.LocalBroker;

namespace Metering.Cli.Hosting;

/// <summary>The local broker's instruments, all in one place. The server turns them into Prometheus text.</summary>
internal static class BrokerMetrics
{
    public static Meter Register(LocalBrokerServer broker)
    {
        var meter = new Meter("Metering.LocalBroker");
        meter.CreateObservableCounter("metering.broker.records", () => broker.Figures.RecordsIn, "{record}", "Records appended by clients.");
        meter.CreateObservableCounter("metering.broker.appended", () => broker.Figures.BytesIn, "By", "Bytes of record batches appended by clients.");
        meter.CreateObservableCounter("metering.broker.syncs", () => broker.Figures.Syncs, "{sync}", "Syncs of the journal: each makes all that waited durable.");
        meter.CreateObservableGauge("metering.broker.log", () => broker.Figures.LogBytes, "By", "Size of all partitions' segments.");
        meter.CreateObservableGauge("metering.broker.journal", () => broker.Figures.JournalBytes, "By", "Size of the journal since the last checkpoint.");
        meter.CreateObservableGauge("metering.broker.partitions", () => broker.Figures.Partitions, "{partition}", "Partitions of all topics.");
        meter.CreateObservableGauge("metering.broker.transactions.open", () => broker.Figures.OpenTransactions, "{transaction}", "Transactions begun and not ended.");
        meter.CreateObservableGauge("metering.broker.connections", () => broker.Connections, "{connection}", "Clients' connections now.");
        meter.CreateObservableGauge("metering.broker.up", () => broker.Figures.IsWell ? 1 : 0, "{broker}", "0 while the disk fails and the state is being recovered.");
        return meter;
    }
}
