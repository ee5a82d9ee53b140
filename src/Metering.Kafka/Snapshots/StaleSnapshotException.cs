namespace Metering.Kafka.Snapshots;

/// <summary>A snapshot file is not provably the state at the committed offset: it is thrown away, and the changelog read whole.</summary>
internal sealed class StaleSnapshotException(string reason, Exception? inner = null) : Exception(reason, inner);
