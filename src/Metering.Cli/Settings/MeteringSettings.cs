using Metering.LocalBroker;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Settings;

/// <summary>All settings of a process, read and checked by <see cref="SettingsReader"/>; one record per concern.</summary>
public sealed record MeteringSettings
{
    public KafkaSettings Kafka { get; init; } = new();

    /// <summary>The schema registry given; null = the embedded one for <c>up</c>, the local default port for others.</summary>
    public ServiceUrl? RegistryUrl { get; init; }

    /// <summary>The ClickHouse server given; null = the embedded one for <c>up</c>, the local default port for others.</summary>
    public ServiceUrl? ClickHouseUrl { get; init; }

    public PortSettings Ports { get; init; } = new();

    public RunSettings Run { get; init; } = new();

    public GatewaySettings Gateway { get; init; } = new();

    public OutputSettings Output { get; init; } = new();

    /// <summary>The brokers given, or the local default.</summary>
    public string BrokersOrLocal => Kafka.Brokers ?? FormattableString.Invariant($"127.0.0.1:{Ports.Kafka}");

    /// <summary>The registry given, or the local default.</summary>
    public ServiceUrl RegistryOrLocal => RegistryUrl ?? ServiceUrl.Local(Ports.Registry);

    /// <summary>The ClickHouse given, or the local default.</summary>
    public ServiceUrl ClickHouseOrLocal => ClickHouseUrl ?? ServiceUrl.Local(Ports.ClickHouse);
}

/// <summary>How Kafka is reached and what its topics are called.</summary>
public sealed record KafkaSettings
{
    /// <summary>Bootstrap brokers, <c>host:port</c> joined by commas; null when none were given.</summary>
    public string? Brokers { get; init; }

    /// <summary>librdkafka properties as given; they may hold secrets, so print them with <see cref="Secrets.Mask"/>.</summary>
    public IReadOnlyDictionary<string, string> Config { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Before the names of topics, groups and transactional ids; default none.</summary>
    public string TopicPrefix { get; init; } = "";

    /// <summary>This process's own name as a static member of its groups; null = a dynamic one.</summary>
    public string? GroupInstance { get; init; }

    /// <summary>Partitions of keyed topics, 1 to 10,000; null = what the existing ones have, else 8.</summary>
    public int? Partitions { get; init; }

    /// <summary>Replicas of the topics that are created, 1 to 100; null = the broker's default.</summary>
    public short? Replication { get; init; }

    /// <summary>What an acknowledgement of <c>up</c>'s own broker survives. Default a power cut.</summary>
    public Durability Durability { get; init; } = Durability.Disk;
}

/// <summary>Where our own parts listen, 0 = a free port.</summary>
public sealed record PortSettings
{
    /// <summary>Address to listen on. Default loopback.</summary>
    public System.Net.IPAddress Listen { get; init; } = System.Net.IPAddress.Loopback;

    public int Kafka { get; init; } = 9092;

    public int Registry { get; init; } = 8081;

    public int ClickHouse { get; init; } = 8123;

    public int Server { get; init; } = 8080;

    public int Gateway { get; init; } = 4000;

    public int Keda { get; init; } = 6000;

    public int Host { get; init; } = 4001;
}

/// <summary>How a role runs.</summary>
public sealed record RunSettings
{
    /// <summary>State on this machine, as a full path. Default <c>./data</c>.</summary>
    public string DataDirectory { get; init; } = Path.GetFullPath("data");

    /// <summary>The role's stable name; null = the role's own default.</summary>
    public string? Name { get; init; }

    /// <summary>How often a task with work commits, 5 ms to 5 s. Default 50 ms.</summary>
    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>What drives METER's processors. Every process of a fleet takes the same; default native.</summary>
    public MeterHost MeterHost { get; init; } = MeterHost.Native;

    /// <summary>How long a missing event may still come before it counts as lost, 1 s to 1 h. Default 60 s.</summary>
    public TimeSpan LossGrace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The stages that this process runs, one at least. Default all.</summary>
    public Stages Stages { get; init; } = Stages.All;

    /// <summary>Stop by itself after this time; null = run until told.</summary>
    public TimeSpan? For { get; init; }

    /// <summary>Events a second of <c>up</c>'s own workload; 0 = none. Default 50.</summary>
    public int WorkloadEventsPerSecond { get; init; } = 50;
}

/// <summary>Where a gateway's requests go.</summary>
public sealed record GatewaySettings
{
    /// <summary>Model hosts by name, the first is the default; empty = the mock's port on this machine.</summary>
    public IReadOnlyList<(string Name, Uri Url)> Upstreams { get; init; } = [];

    /// <summary>Files with secrets, by the host's name; an empty name is the first host's.</summary>
    public IReadOnlyList<(string Name, string File)> UpstreamKeyFiles { get; init; } = [];

    /// <summary>Names of hosts that may answer more than they are told (R28).</summary>
    public IReadOnlyList<string> IgnoreMaxTokens { get; init; } = [];

    /// <summary>Of a request. Default 32 MB.</summary>
    public int MaxBodyBytes { get; init; } = 32 << 20;

    /// <summary>Of an answer that is not streamed. Default 64 MB.</summary>
    public int MaxAnswerBytes { get; init; } = 64 << 20;

    /// <summary>To connect to a host. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Until an answer begins. Default 10 min.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Between two pieces of an answer. Default 2 min.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>For requests under way at a stop. Default 10 s.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The secret of a key that is always taken; null = none. Never printed unless it was made here.</summary>
    public string? DemoKey { get; init; }
}

/// <summary>Who drives METER's processors (docs/adr/0002).</summary>
public enum MeterHost
{
    /// <summary>Our own loop over librdkafka.</summary>
    Native,

    /// <summary>Streamiz.Kafka.Net.</summary>
    Streamiz,
}

/// <summary>The pipeline's stages that a process can run: together, or each on machines of its own.</summary>
[Flags]
public enum Stages
{
    None = 0,

    /// <summary>token-events to metered-blocks and usage-deltas; needs no ledger.</summary>
    Meter = 1,

    /// <summary>metered-blocks to the ledger.</summary>
    Sink = 2,

    /// <summary>usage-deltas to signals and control; needs no ledger.</summary>
    Govern = 4,

    All = Meter | Sink | Govern,
}

/// <summary>What is printed, and how.</summary>
public sealed record OutputSettings
{
    /// <summary>One JSON object a line on standard output.</summary>
    public bool Json { get; init; }

    /// <summary>Lowest level that is logged. Default information.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>The log on standard error is JSON lines. Default text.</summary>
    public bool JsonLog { get; init; }
}
