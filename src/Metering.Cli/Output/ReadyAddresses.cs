using System.Text.Json.Serialization;

namespace Metering.Cli.Output;

/// <summary>The parts that a process serves or uses; a part that it does neither is null and left out.</summary>
public sealed record ReadyAddresses
{
    /// <summary><c>host:port</c></summary>
    public string? Kafka { get; init; }

    public string? Registry { get; init; }

    [JsonPropertyName("clickhouse")]
    public string? ClickHouse { get; init; }

    public string? Server { get; init; }

    public string? Gateway { get; init; }

    /// <summary><c>host:port</c></summary>
    public string? Keda { get; init; }

    public string? Host { get; init; }

    /// <summary>Name and address of each part that is there.</summary>
    internal IEnumerable<(string Name, string Address)> Parts()
    {
        (string, string?)[] parts =
        [
            ("Kafka", Kafka), ("registry", Registry), ("ClickHouse", ClickHouse), ("server", Server),
            ("gateway", Gateway), ("KEDA", Keda), ("model host", Host),
        ];
        foreach (var (name, address) in parts)
        {
            if (address is not null)
                yield return (name, address);
        }
    }
}
