using Metering.LocalBroker.Storage;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Log;

/// <summary>What compaction changes. Under the gate.</summary>
internal sealed partial class PartitionLog
{
    internal SegmentFiles Files => _room.Files;

    internal ILogger Logger => _room.Logger;

    /// <summary>Compaction went up to here: what lies below holds a key once.</summary>
    public long CleanedTo { get; private set; }

    /// <summary>Of the last compacted segment.</summary>
    public int Generation { get; private set; }

    public void ApplyCompacted(ref EntryReader entry) => throw new NotSupportedException();
}
