using System.Net;

namespace Metering.LocalBroker;

/// <summary>A single-node Kafka for one machine: it never replicates and never clusters; fleets run on Kafka.</summary>
public sealed class LocalBrokerServer : IAsyncDisposable
{
    /// <summary>Recovers what lies in the directory and listens.</summary>
    /// <exception cref="IOException">The directory is in use, or the port is taken.</exception>
    public static Task<LocalBrokerServer> StartAsync(LocalBrokerOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <summary>Where it listens.</summary>
    public IPEndPoint Endpoint => throw new NotSupportedException();

    /// <summary>Takes no more requests, answers those that it has, and closes with a checkpoint.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
