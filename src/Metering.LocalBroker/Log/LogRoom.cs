using Metering.LocalBroker.Storage;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Log;

/// <summary>What all logs of a broker share.</summary>
internal sealed class LogRoom(Lock gate, SegmentFiles files, ILogger logger)
{
    public Lock Gate => gate;

    public SegmentFiles Files => files;

    public ILogger Logger => logger;

    /// <summary>Where the effects of entries go: at recovery at once to the files, later to the journal.</summary>
    public required ISegmentWrites Writes { get; set; }

    public required Journal Journal { get; init; }

    // Sums over all logs, for metrics. Under the gate.
    public long RecordsIn { get; set; }

    public long BytesIn { get; set; }

    public long LogBytes { get; set; }

    public int OpenTransactions { get; set; }
}
