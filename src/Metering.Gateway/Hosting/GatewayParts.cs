using Metering.Client;
using Metering.Gateway.Admission;
using Metering.Gateway.Exchanges;
using Metering.Gateway.Keys;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Hosting;

/// <summary>What a gateway is plugged into. The owner disposes them, after the gateway.</summary>
public sealed record GatewayParts
{
    public required IKeyDirectory Keys { get; init; }

    public required IAdmission Admission { get; init; }

    /// <summary>Takes requests and events; a <see cref="TokenEventPublisher"/> is one.</summary>
    public required IRequestJournal Journal { get; init; }

    /// <summary>Who has used the journal before; null = nobody is told of the ends of former gateways, and what they had on loan stays
    /// charged until it is written off.</summary>
    public FormerGateways? Former { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Null = no log.</summary>
    public ILoggerFactory? Loggers { get; init; }
}
