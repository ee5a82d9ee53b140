using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.LocalBroker;

/// <summary>When an acknowledgement means that the data is safe.</summary>
public enum Durability
{
    /// <summary>Acknowledged = on disk: survives a power cut.</summary>
    Disk,

    /// <summary>Acknowledged = in the operating system's hands: survives kill -9. After an unclean stop of the machine the broker goes
    /// back to a consistent point, at most about a second old.</summary>
    Process,
}

/// <summary>How the local broker runs.</summary>
public sealed record LocalBrokerOptions
{
    /// <summary>Holds everything; one process at a time.</summary>
    public required string Directory { get; init; }

    /// <summary>Where it listens. Default loopback.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Default 9092; 0 takes a free one.</summary>
    public int Port { get; init; } = 9092;

    public Durability Durability { get; init; } = Durability.Disk;

    /// <summary>Partitions of a topic whose maker names no number. Default 1.</summary>
    public int DefaultPartitions { get; init; } = 1;

    /// <summary>Users for SASL PLAIN by name; empty = no authentication.</summary>
    public IReadOnlyDictionary<string, string> Users { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;
}
