namespace Metering.LocalBroker;

/// <param name="IsWell">False while the disk fails and the state is recovered.</param>
/// <param name="RecordsIn">Since the start, as <paramref name="BytesIn"/>.</param>
public sealed record BrokerFigures(
    bool IsWell, long RecordsIn, long BytesIn, long LogBytes, int OpenTransactions, int Partitions, long Syncs, double LastSyncMs, long JournalBytes);
