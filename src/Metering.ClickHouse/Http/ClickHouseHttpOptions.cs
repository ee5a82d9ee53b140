using System.Net;

namespace Metering.ClickHouse.Http;

/// <summary>How the embedded engine is served.</summary>
public sealed record ClickHouseHttpOptions
{
    /// <summary>0 = any free one. Default 8123, ClickHouse's own.</summary>
    public int Port { get; init; } = 8123;

    /// <summary>Default: loopback.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The current database of a request that names none. Default <c>metering</c>.</summary>
    public string DefaultDatabase { get; init; } = "metering";
}
