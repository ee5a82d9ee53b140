using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Storage;

/// <summary>The broker's directory: locks it, recovers the state from it, keeps it tidy (checkpoints, retention, compaction), and recovers
/// again when the disk had failed.</summary>
internal sealed class BrokerStore : IAsyncDisposable
{
    /// <summary>Returns once the state is recovered.</summary>
    /// <exception cref="InvalidDataException">What lies there is not a broker's, or of a later version.</exception>
    public static BrokerStore Open(LocalBrokerOptions options, ILoggerFactory loggers) => throw new NotSupportedException();

    /// <summary>Null while the disk fails and nothing can be recovered: calls answer KAFKA_STORAGE_ERROR. Read it anew for each call.</summary>
    public BrokerState? State => throw new NotSupportedException();

    /// <summary>A last checkpoint, so that the next start is quick.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
