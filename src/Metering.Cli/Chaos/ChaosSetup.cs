using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Cli.Hosting;
using Metering.Cli.Settings;
using Metering.Kafka.Topics;

namespace Metering.Cli.Chaos;

/// <summary>A corner of the Kafka cluster (or a local broker of its own) and of the disk that nothing else uses, and the settings of
/// what runs in it.</summary>
internal sealed class ChaosSetup
{
    // A process has several partitions beside another, and every partition has its source; more cost inserts, not kinds of faults.
    private const int DefaultPartitions = 4;

    private readonly MeteringSettings _settings;
    private readonly int? _localKafkaPort;

    public ChaosSetup(MeteringSettings settings)
    {
        if (settings.Kafka.Brokers is null)
        {
            _localKafkaPort = FreePort();
            settings = settings with { Kafka = settings.Kafka with { Brokers = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_localKafkaPort}") } };
        }
        _settings = settings;
        Prefix = $"{settings.Kafka.TopicPrefix}chaos-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}-";
        Folder = Directory.CreateDirectory(Path.Combine(settings.Run.DataDirectory, Prefix.TrimEnd('-'))).FullName;
        Registry = settings.RegistryUrl ?? ServiceUrl.Local(FreePort());
        ClickHouse = settings.ClickHouseUrl ?? ServiceUrl.Local(FreePort());
        Kafka = Connections.Kafka(settings, "chaos") with { TopicPrefix = Prefix };
    }

    public string Prefix { get; }

    public int Partitions => _settings.Kafka.Partitions ?? DefaultPartitions;

    public string Folder { get; }

    public ServiceUrl Registry { get; }

    public ServiceUrl ClickHouse { get; }

    public Metering.Kafka.KafkaSettings Kafka { get; }

    /// <summary>True when <c>up</c> brings its own broker, which the kills then hit too.</summary>
    public bool HasLocalBroker => _localKafkaPort is not null;

    /// <summary>For <c>up</c>.</summary>
    public Dictionary<string, string> OfUp()
    {
        var all = OfRole();
        all[KnownSettings.Workload.EnvironmentName] = "none";
        all[KnownSettings.Data.EnvironmentName] = Path.Combine(Folder, "up");
        all[KnownSettings.GatewayPort.EnvironmentName] = "0";
        all[KnownSettings.HostPort.EnvironmentName] = "0";
        if (_localKafkaPort is { } port)
        {
            all.Remove(KnownSettings.Brokers.EnvironmentName);
            all[KnownSettings.KafkaPort.EnvironmentName] = Text(port);
            all[KnownSettings.KafkaDurability.EnvironmentName] = _settings.Kafka.Durability.ToString();
        }
        Add(all, KnownSettings.RegistryUrl, KnownSettings.RegistryPort, _settings.RegistryUrl, Registry);
        Add(all, KnownSettings.ClickHouseUrl, KnownSettings.ClickHousePort, _settings.ClickHouseUrl, ClickHouse);
        return all;
    }

    /// <summary>For a <c>pipeline</c> beside it.</summary>
    public Dictionary<string, string> OfPipeline(Stages stages)
    {
        var all = WithServices(OfRole());
        all[KnownSettings.Stages.EnvironmentName] = stages.ToString();
        all[KnownSettings.Data.EnvironmentName] = Path.Combine(Folder, "pipeline-" + stages.ToString().ToLowerInvariant().Replace(", ", "-", StringComparison.Ordinal));
        return all;
    }

    /// <summary>For <c>verify</c>.</summary>
    public Dictionary<string, string> OfVerify() => WithServices(Common());

    private Dictionary<string, string> OfRole()
    {
        var all = Common();
        all[KnownSettings.Partitions.EnvironmentName] = Text(Partitions);
        if (_settings.Kafka.Replication is { } replication)
            all[KnownSettings.Replication.EnvironmentName] = Text(replication);
        all[KnownSettings.CommitInterval.EnvironmentName] = Text((long)_settings.Run.CommitInterval.TotalMilliseconds) + "ms";
        all[KnownSettings.MeterHost.EnvironmentName] = _settings.Run.MeterHost.ToString();
        all[KnownSettings.ServerPort.EnvironmentName] = "0";
        return all;
    }

    private Dictionary<string, string> WithServices(Dictionary<string, string> all)
    {
        all[KnownSettings.RegistryUrl.EnvironmentName] = Connections.WithSecrets(Registry);
        all[KnownSettings.ClickHouseUrl.EnvironmentName] = Connections.WithSecrets(ClickHouse);
        return all;
    }

    /// <summary>Deletes the topics and the folder.</summary>
    public async Task RemoveAsync()
    {
        if (!HasLocalBroker)
            await RemoveTopicsAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task RemoveTopicsAsync()
    {
        using var admin = new AdminClientBuilder(Kafka.Admin()).SetLogHandler((_, _) => { }).Build();
        await admin.DeleteTopicsAsync(TopicCatalogue.All.Select(topic => Kafka.Topic(topic.Name)), new DeleteTopicsOptions { RequestTimeout = TimeSpan.FromSeconds(30) });
    }

    private Dictionary<string, string> Common()
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [KnownSettings.Brokers.EnvironmentName] = _settings.BrokersOrLocal,
            [KnownSettings.TopicPrefix.EnvironmentName] = Prefix,
        };
        foreach (var (name, value) in _settings.Kafka.Config)
            all[$"{KnownSettings.KafkaConfig.EnvironmentName}__{name.Replace('.', '_').ToUpperInvariant()}"] = value;
        return all;
    }

    private static void Add(Dictionary<string, string> all, SettingDefinition url, SettingDefinition port, ServiceUrl? given, ServiceUrl used)
    {
        if (given is null)
            all[port.EnvironmentName] = Text(used.Uri.Port);
        else
            all[url.EnvironmentName] = Connections.WithSecrets(given);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Below the ports that outgoing connections take: it must still be free when <c>up</c> starts again.</summary>
    /// <param name="span">How many in a row.</param>
    public static int FreePort(int span = 1)
    {
        while (true)
        {
            var port = Random.Shared.Next(15_000, 30_000);
            if (Enumerable.Range(port, span).All(IsFree))
                return port;
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
