using System.Text.RegularExpressions;
using System.Xml.Linq;
using Metering.Cli.Settings;
using Metering.Cli.Tests.Tidy;
using YamlDotNet.RepresentationModel;
using static Metering.Cli.Tests.Compose.ComposeFile;

namespace Metering.Cli.Tests.Compose;

/// <summary>docker-compose.yml agrees with the program, with itself, and with the files beside it.</summary>
public sealed partial class ComposeTests
{
    private const string Prefix = KnownSettings.EnvironmentPrefix;

    public static TheoryData<string> EveryService => [.. Services.Keys];

    [Fact]
    public void Compose_has_the_path_and_nothing_waits_for_a_service_that_is_not_there()
    {
        Assert.Superset(new HashSet<string>(["kafka", "schema-registry", "clickhouse", "pipeline"], StringComparer.Ordinal),
            new HashSet<string>(Services.Keys, StringComparer.Ordinal));
        foreach (var (name, service) in Services)
        {
            foreach (var (needed, how) in Map(service, "depends_on"))
            {
                Assert.True(Services.ContainsKey(needed), $"{name} depends on {needed}");
                Assert.Equal("service_healthy", Text((YamlMappingNode)how, "condition"));
            }
        }
    }

    [Theory]
    [MemberData(nameof(EveryService))]
    public void Service_has_a_health_check_a_restart_policy_and_a_pinned_image(string name)
    {
        var service = Services[name];
        var check = Assert.IsType<YamlMappingNode>(Find(service, "healthcheck"));
        Assert.NotEmpty(Texts(check, "test"));
        Assert.NotNull(Text(service, "restart"));
        var image = Text(service, "image") ?? "";
        if (Find(service, "build") is null)
            Assert.Matches(PinnedImage(), image);
    }

    [Theory]
    [MemberData(nameof(EveryService))]
    public void Service_mounts_only_declared_volumes_and_files_that_exist(string name)
    {
        foreach (var mount in Texts(Services[name], "volumes").Select(v => v.Split(':')[0]))
        {
            if (mount.StartsWith("./", StringComparison.Ordinal))
                Assert.True(Checkout.Exists(mount), $"{name} mounts {mount}");
            else
                Assert.Contains(mount, Volumes);
        }
    }

    [Theory]
    [MemberData(nameof(EveryService))]
    public void Service_publishes_on_loopback_only(string name) =>
        Assert.All(Texts(Services[name], "ports"), p => Assert.StartsWith("127.0.0.1:", p, StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(EveryService))]
    public void Settings_in_the_environment_are_known_and_accepted_by_the_program(string name)
    {
        var given = Environment(name).Where(e => e.Key.StartsWith(Prefix, StringComparison.Ordinal))
            .ToDictionary(e => e.Key, e => WithDefaults(e.Value), StringComparer.Ordinal);
        var result = SettingsReader.Read(new SettingsSources { Environment = given });
        Assert.Empty(result.Errors);
    }

    [Theory]
    [InlineData("METERING__KAFKA__BROKERS", "kafka")]
    [InlineData("METERING__REGISTRY__URL", "schema-registry")]
    [InlineData("METERING__CLICKHOUSE__URL", "clickhouse")]
    public void Pipeline_names_each_service_by_its_name_and_a_port_it_listens_on(string setting, string service)
    {
        var value = WithDefaults(Environment("pipeline")[setting]);
        var (host, port) = HostAndPort(value);
        Assert.Equal(service, host);
        Assert.Contains(port, ListensOn(service));
    }

    [Theory]
    [InlineData("kafka", "METERING__KAFKA__PORT")]
    [InlineData("schema-registry", "METERING__REGISTRY__PORT")]
    [InlineData("clickhouse", "METERING__CLICKHOUSE__PORT")]
    [InlineData("pipeline", "METERING__SERVER__PORT")]
    public void Published_port_is_the_one_that_a_program_on_this_machine_tries_first(string service, string setting)
    {
        var expected = KnownSettings.All.Single(s => s.EnvironmentName == setting).Default;
        Assert.Contains(Texts(Services[service], "ports"), p => p == $"127.0.0.1:{expected}:{expected}");
    }

    [Fact]
    public void Kafka_advertises_each_listener_by_a_name_its_clients_can_reach()
    {
        var kafka = Environment("kafka");
        Assert.Contains("INSIDE://kafka:19092", kafka["KAFKA_ADVERTISED_LISTENERS"], StringComparison.Ordinal);
        Assert.Contains("OUTSIDE://localhost:9092", kafka["KAFKA_ADVERTISED_LISTENERS"], StringComparison.Ordinal);
        Assert.Equal("LogAppendTime", kafka["KAFKA_LOG_MESSAGE_TIMESTAMP_TYPE"]);
        Assert.Equal("false", kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"]);
        var volume = Texts(Services["kafka"], "volumes").Single();
        Assert.EndsWith(":" + kafka["KAFKA_LOG_DIRS"], volume, StringComparison.Ordinal);
        Assert.Equal(16, Convert.FromBase64String(kafka["CLUSTER_ID"] + "==").Length);
    }

    [Fact]
    public void R19_ClickHouse_syncs_a_part_and_its_folder_before_it_acknowledges()
    {
        var mount = Texts(Services["clickhouse"], "volumes").Single(v => v.Contains("/config.d/", StringComparison.Ordinal));
        var settings = XDocument.Parse(Checkout.Text(mount.Split(':')[0])).Root!.Element("merge_tree")!;
        Assert.Equal("1", settings.Element("fsync_after_insert")?.Value);
        Assert.Equal("1", settings.Element("fsync_part_directory")?.Value);
    }

    [Fact]
    public void ClickHouse_server_and_the_engine_in_process_are_the_same_version()
    {
        var pinned = Checkout.Text("infra/native/chdb.pin").Split('\n').Single(l => l.StartsWith("version ", StringComparison.Ordinal));
        Assert.Equal(pinned.Split(' ')[1].Split('-')[0], Text(Services["clickhouse"], "image")!.Split(':')[1]);
    }

    private static List<int> ListensOn(string service)
    {
        var containerPorts = Texts(Services[service], "ports").Select(p => Port(p.Split(':')[^1]));
        var listeners = Environment(service).GetValueOrDefault("KAFKA_LISTENERS", "").Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => Port(l.Split(':')[^1]));
        return [.. containerPorts, .. listeners];
    }

    private static (string Host, int Port) HostAndPort(string value)
    {
        var uri = new Uri(value.Contains("://", StringComparison.Ordinal) ? value : "kafka://" + value);
        return (uri.Host, uri.Port);
    }

    private static int Port(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>${NAME:-default} as compose reads it on a machine where NAME is not set.</summary>
    private static string WithDefaults(string value) => Variable().Replace(value, m => m.Groups["otherwise"].Value);

    [GeneratedRegex(@"^[a-z0-9./-]+:\d+\.\d+\.\d+$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PinnedImage();

    [GeneratedRegex(@"\$\{\w+:-(?<otherwise>[^}]*)\}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Variable();
}
