namespace Metering.Cli.Settings;

/// <summary>Every setting that exists; what is not here is refused wherever it is given.</summary>
public static class KnownSettings
{
    public const string EnvironmentPrefix = "METERING__";

    /// <summary>After a variable's name: the value is the content of the file named, as secrets are mounted.</summary>
    public const string FileSuffix = "_FILE";

    public static readonly SettingDefinition Brokers = new("kafka:brokers", "--brokers", "HOST:PORT,…",
        "Kafka's bootstrap brokers.");

    public static readonly SettingDefinition KafkaConfig = new("kafka:config", "--kafka-config", "KEY=VALUE",
        "Any librdkafka property (SASL, TLS); repeatable.")
    { IsRepeatable = true, IsMap = true };

    public static readonly SettingDefinition TopicPrefix = new("kafka:topic_prefix", "--topic-prefix", "PREFIX",
        "Before the names of topics, groups and transactional ids.");

    public static readonly SettingDefinition GroupInstance = new("kafka:group_instance", "--group-instance", "NAME",
        "This process's own name as a static member of its groups: back within 6 s, it has its partitions at once; a stop is noticed only after as long.")
    { Default = "a dynamic member; up: one name for each data folder" };

    public static readonly SettingDefinition Partitions = new("kafka:partitions", "--partitions", "N",
        "Partitions of topics that are created; fixed for their life.")
    { Default = "what existing ones have, else 8" };

    public static readonly SettingDefinition Replication = new("kafka:replication", "--replication", "N",
        "Replicas of topics that are created.")
    { Default = "the broker's" };

    public static readonly SettingDefinition KafkaPort = Port("kafka", "local Kafka broker", 9092);

    public static readonly SettingDefinition KafkaDurability = new("kafka:durability", "--kafka-durability", "disk|process",
        "What the local broker's acknowledgement survives: a power cut, or kill -9 only (faster).")
    { Default = "disk" };

    public static readonly SettingDefinition RegistryUrl = new("registry:url", "--registry", "URL",
        "The schema registry; user, password and a path may stand in it.");

    public static readonly SettingDefinition RegistryPort = Port("registry", "schema registry", 8081);

    public static readonly SettingDefinition ClickHouseUrl = new("clickhouse:url", "--clickhouse", "URL",
        "ClickHouse's HTTP interface: http://user:password@host:8123/database.");

    public static readonly SettingDefinition ClickHousePort = Port("clickhouse", "ClickHouse HTTP", 8123);

    public static readonly SettingDefinition ServerPort = Port("server", "pages, /metrics and /health", 8080);

    public static readonly SettingDefinition GatewayPort = Port("gateway", "gateway", 4000);

    public static readonly SettingDefinition Upstream = new("gateway:upstream", "--upstream", "[NAME=]URL",
        "A model host that speaks OpenAI's API, with or without /v1; repeatable. NAME is the provider and stands before a model (NAME/model); the first is the default.")
    { IsRepeatable = true, Default = "the mock model host's port on this machine" };

    public static readonly SettingDefinition UpstreamKeyFile = new("gateway:upstream_key_file", "--upstream-key-file", "[NAME=]FILE",
        "The file that holds a model host's secret; repeatable, without NAME the first one's.")
    { IsRepeatable = true };

    public static readonly SettingDefinition UpstreamIgnoresMaxTokens = new("gateway:upstream_ignores_max_tokens", "--upstream-ignores-max-tokens", "NAME",
        "A model host that may answer more than it is told: under a hard limit it is streamed from and cut; repeatable, NAME as in --upstream.")
    { IsRepeatable = true };

    public static readonly SettingDefinition MaxBodyBytes = new("gateway:max_body_bytes", "--max-body-bytes", "BYTES",
        "The largest request that the gateway takes, 1024 to 1073741824.")
    { Default = "33554432" };

    public static readonly SettingDefinition MaxAnswerBytes = new("gateway:max_answer_bytes", "--max-answer-bytes", "BYTES",
        "The largest answer that does not come as a stream, 1024 to 1073741824.")
    { Default = "67108864" };

    public static readonly SettingDefinition ConnectTimeout = new("gateway:connect_timeout", "--connect-timeout", "DURATION",
        "How long connecting to a model host may take, 10ms to 1h.")
    { Default = "5s" };

    public static readonly SettingDefinition AnswerTimeout = new("gateway:answer_timeout", "--answer-timeout", "DURATION",
        "How long a model host may take until its answer begins, 10ms to 24h: one that is not streamed may take all of it.")
    { Default = "10m" };

    public static readonly SettingDefinition IdleTimeout = new("gateway:idle_timeout", "--idle-timeout", "DURATION",
        "How long a model host may be silent within an answer, 10ms to 24h.")
    { Default = "2m" };

    public static readonly SettingDefinition Drain = new("gateway:drain", "--drain", "DURATION",
        "How long requests under way may take to end when the gateway stops, 0s to 1h.")
    { Default = "10s" };

    public static readonly SettingDefinition DemoKey = new("gateway:demo_key", "--demo-key", "SECRET",
        "A key that is always taken: id and tenant are demo.");

    public static readonly SettingDefinition KedaPort = Port("keda", "KEDA scaler (gRPC)", 6000);

    public static readonly SettingDefinition HostPort = Port("host", "mock model host", 4001);

    public static readonly SettingDefinition Listen = new("listen", "--listen", "ADDRESS",
        "The address to listen on; 0.0.0.0 for all.")
    { Default = "127.0.0.1" };

    public static readonly SettingDefinition Data = new("data", "--data", "DIR",
        "Where state on this machine lives.")
    { Default = "./data" };

    public static readonly SettingDefinition Name = new("name", "--name", "NAME",
        "The role's stable name: its source.")
    { Default = "the role and this machine's name" };

    public static readonly SettingDefinition CommitInterval = new("commit_interval", "--commit-interval", "DURATION",
        "How often a task with work commits, 5ms to 5s.")
    { Default = "50ms" };

    public static readonly SettingDefinition MeterHost = new("meter:host", "--host", "native|streamiz",
        "What drives METER: our own loop, or Streamiz.Kafka.Net.")
    { Default = "native" };

    public static readonly SettingDefinition LossGrace = new("meter:loss_grace", "--loss-grace", "DURATION",
        "How long a missing event may still come before it counts as lost, 1s to 1h.")
    { Default = "60s" };

    public static readonly SettingDefinition Stages = new("stages", "--stages", "STAGE,…",
        "Which stages this process runs (meter, govern, sink); each has a consumer group of its own.")
    { Default = "meter,govern,sink" };

    public static readonly SettingDefinition For = new("for", "--for", "DURATION",
        "Stop after this time: 30s, 5m, 1h30m.");

    public static readonly SettingDefinition Workload = new("workload", "--workload", "none|RATE",
        "Events a second of the live workload.")
    { Default = "50" };

    public static readonly SettingDefinition Config = new("config", "--config", "FILE",
        "A JSON file of settings.")
    { IsGeneral = true };

    public static readonly SettingDefinition Json = new("json", "--json", "",
        "One JSON object a line on standard output, nothing else there.")
    { IsSwitch = true, IsGeneral = true, Default = "false" };

    public static readonly SettingDefinition LogLevel = new("log_level", "--log-level", "LEVEL",
        "trace, debug, information, warning, error or none.")
    { IsGeneral = true, Default = "information" };

    public static readonly SettingDefinition LogFormat = new("log_format", "--log-format", "text|json",
        "The log's lines on standard error.")
    { IsGeneral = true, Default = "text" };

    public static IReadOnlyList<SettingDefinition> All { get; } =
    [
        Brokers, KafkaConfig, TopicPrefix, GroupInstance, Partitions, Replication, RegistryUrl, ClickHouseUrl, Data, Name,
        CommitInterval, MeterHost, LossGrace, Stages, For, Workload, Listen,
        Upstream, UpstreamKeyFile, UpstreamIgnoresMaxTokens, MaxBodyBytes, MaxAnswerBytes, ConnectTimeout, AnswerTimeout, IdleTimeout, Drain, DemoKey,
        KafkaPort, KafkaDurability, RegistryPort, ClickHousePort, ServerPort, GatewayPort, KedaPort, HostPort,
        Config, Json, LogLevel, LogFormat,
    ];

    /// <summary>The setting with this key in the file's or the environment's spelling; null when there is none.
    /// Case, <c>_</c> and <c>-</c> do not matter: <c>kafka:topicPrefix</c> is <c>kafka:topic_prefix</c>.</summary>
    public static SettingDefinition? Find(string key)
    {
        var plain = Plain(key);
        foreach (var setting in All)
        {
            if (string.Equals(Plain(setting.Key), plain, StringComparison.Ordinal))
                return setting;
        }
        return null;
    }

    private static string Plain(string key) =>
        key.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();

    private static SettingDefinition Port(string part, string what, int port) =>
        new($"{part}:port", $"--{part}-port", "PORT", $"Port of the {what}; 0 takes a free one.")
        { Default = port.ToString(System.Globalization.CultureInfo.InvariantCulture) };
}
