using System.Net;
using Metering.Server.Health;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Metering.Server;

/// <summary>What a role's own HTTP server serves and where.</summary>
public sealed record ServerOptions
{
    /// <summary>0 to 65535; 0 takes a free one. Default 8080.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>Default loopback.</summary>
    public IPAddress Listen { get; init; } = IPAddress.Loopback;

    /// <summary>The parts whose progress makes the process ready; with none it never is.</summary>
    public required IReadOnlyList<IReadinessSource> Readiness { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Null = no log.</summary>
    public ILoggerFactory? Loggers { get; init; }

    /// <summary>Adds further endpoints.</summary>
    public Action<IEndpointRouteBuilder>? Endpoints { get; init; }
}
