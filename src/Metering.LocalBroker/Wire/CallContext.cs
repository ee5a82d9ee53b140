using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Wire;

/// <summary>What a call knows of the broker and of who asks. One per connection, set anew for each request; used by the
/// connection's receiving task alone.</summary>
internal sealed class CallContext
{
    /// <summary>There is one broker, and this is its number.</summary>
    public const int NodeId = 1;

    /// <summary>Nobody else ever leads a partition.</summary>
    public const int LeaderEpoch = 0;

    /// <summary>Read anew by calls that wait.</summary>
    public required Func<BrokerState?> CurrentState { get; init; }

    public required LocalBrokerOptions Options { get; init; }

    public required string ClusterId { get; init; }

    /// <summary>Where the client reaches this broker: the address that it has connected to.</summary>
    public required string Host { get; init; }

    public required int Port { get; init; }

    /// <summary>As Kafka shows it: the address behind a slash.</summary>
    public required string ClientHost { get; init; }

    public required SaslState Sasl { get; init; }

    /// <summary>The client has gone, or the broker stops: a call that waits ends its wait.</summary>
    public required CancellationToken Aborted { get; init; }

    /// <summary>The state as this request found it; null while the disk fails.</summary>
    public BrokerState? State { get; set; }

    public ApiCall Call { get; set; } = CallTable.ApiVersions;

    public short Version { get; set; }

    public string ClientId { get; set; } = "";

    /// <summary>Set by a call: the client wants no reply (acks = 0).</summary>
    public bool NoReply { get; set; }

    /// <summary>Set by a call: close the connection once the reply is sent.</summary>
    public bool CloseAfterwards { get; set; }

    public bool IsFlexible => Version >= Call.FlexibleFrom;

    public long NowMs => Options.Time.GetUtcNow().ToUnixTimeMilliseconds();

    public ProtocolReader Reader(ReadOnlyMemory<byte> body) => new(body.Span, IsFlexible);
}
