namespace Metering.Client;

/// <summary>Where a gateway, or any other subscriber, reads what it must do.</summary>
public sealed record ControlOptions
{
    /// <summary><c>host:port[,host:port]</c>. Required.</summary>
    public string Brokers { get; set; } = "";

    /// <summary>The schema registry's URL, with a path, user and password where needed. Required.</summary>
    public string Registry { get; set; } = "";

    /// <summary>Stands before every topic's name. Default: none.</summary>
    public string TopicPrefix { get; set; } = "";

    /// <summary>Without a heartbeat of a partition's governor for this long, control of its scopes is lost, and each policy says what
    /// then holds (R30). Default 3 s; from 2 s, for heartbeats come every second.</summary>
    public TimeSpan LostAfter { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Any librdkafka property (SASL, TLS, …). Its values never print.</summary>
    public IDictionary<string, string> KafkaConfig { get; set; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>All that is wrong; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (string.IsNullOrWhiteSpace(Brokers))
            errors.Add("Brokers is empty: give host:port of Kafka.");
        if (string.IsNullOrWhiteSpace(Registry))
            errors.Add("Registry is empty: give the schema registry's URL.");
        if (LostAfter < TimeSpan.FromSeconds(2))
            errors.Add($"LostAfter is {LostAfter}: at least 2 s, for heartbeats come every second.");
        return errors;
    }
}
