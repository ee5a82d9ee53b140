namespace Metering.LocalBroker.Wire;

/// <summary>What a peer may ask of us. Checked before memory is taken; who asks for more loses its connection.</summary>
internal static class WireLimits
{
    /// <summary>As Kafka's socket.request.max.bytes.</summary>
    public const int ProduceFrameBytes = 100 * 1024 * 1024;

    /// <summary>Every call but Produce. Ten thousand partitions' offsets are under 1 MiB.</summary>
    public const int FrameBytes = 16 * 1024 * 1024;

    /// <summary>Before a peer has authenticated, as Kafka's sasl.server.max.receive.size.</summary>
    public const int UnknownPeerFrameBytes = 512 * 1024;

    /// <summary>Elements of all arrays of a request together: what is decoded costs more memory than its bytes.</summary>
    public const int ElementsPerRequest = 500_000;

    /// <summary>Requests of a connection that have been handled and whose replies wait for the disk or the socket.</summary>
    public const int RepliesWaiting = 64;

    /// <summary>A connection's next request waits while its unsent replies hold more than this: a peer that never reads costs this
    /// and one reply.</summary>
    public const int ReplyBytesWaiting = 4 * 1024 * 1024;

    /// <summary>All partitions of a fetch together, but at least one batch. A client that asks for more asks again.</summary>
    public const int FetchBytes = 8 * 1024 * 1024;

    public const int Connections = 2_000;

    /// <summary>Larger buffers are left to the garbage collector: a pool would keep them for good.</summary>
    public const int PooledBytes = 2 * 1024 * 1024;
}
