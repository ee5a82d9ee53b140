using Metering.Cli.Settings;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Tests.Settings;

public sealed class SettingsReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("metering-settings").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Read_nothing_given_gives_the_documented_defaults()
    {
        var settings = Good(Read());

        Assert.Null(settings.Kafka.Brokers);
        Assert.Equal("127.0.0.1:9092", settings.BrokersOrLocal);
        Assert.Equal("http://127.0.0.1:8081", settings.RegistryOrLocal.Address);
        Assert.Equal("http://127.0.0.1:8123", settings.ClickHouseOrLocal.Address);
        Assert.Null(settings.Kafka.Partitions);
        Assert.Null(settings.Kafka.Replication);
        Assert.Equal(Path.GetFullPath("data"), settings.Run.DataDirectory);
        Assert.Equal(TimeSpan.FromMilliseconds(50), settings.Run.CommitInterval);
        Assert.Equal(MeterHost.Native, settings.Run.MeterHost);
        Assert.Equal(Stages.All, settings.Run.Stages);
        Assert.Null(settings.Run.For);
        Assert.Equal(new PortSettings { Kafka = 9092, Registry = 8081, ClickHouse = 8123, Server = 8080, Gateway = 4000, Keda = 6000, Host = 4001 }, settings.Ports);
        Assert.False(settings.Output.Json);
        Assert.Equal(LogLevel.Information, settings.Output.LogLevel);
    }

    [Fact]
    public void Read_given_everywhere_takes_command_line_over_environment_over_file_over_default()
    {
        var file = File("""{ "kafka": { "partitions": 2, "topic_prefix": "file-", "brokers": "file:1" }, "meter": { "host": "streamiz" }, "name": "from-file" }""");
        var settings = Good(Read(
            commandLine: new() { ["config"] = [file], ["kafka:brokers"] = ["line:3"] },
            environment: new() { ["METERING__KAFKA__BROKERS"] = "env:2", ["METERING__KAFKA__TOPIC_PREFIX"] = "env-" }));

        Assert.Equal("line:3", settings.Kafka.Brokers);
        Assert.Equal("env-", settings.Kafka.TopicPrefix);
        Assert.Equal(2, settings.Kafka.Partitions);
        Assert.Equal(MeterHost.Streamiz, settings.Run.MeterHost);
        Assert.Equal("from-file", settings.Run.Name);
        Assert.Equal(8080, settings.Ports.Server);
    }

    [Fact]
    public void Read_upstreams_takes_the_highest_layers_list_as_a_whole_and_names_the_unnamed_after_their_host()
    {
        var file = File("""{ "gateway": { "upstream": ["a=http://a:1", "http://b:2/v1"], "upstream_key_file": "a=/secrets/a", "drain": "3s" } }""");
        var fromFile = Good(Read(commandLine: new() { ["config"] = [file] })).Gateway;
        Assert.Equal([("a", new Uri("http://a:1")), ("b", new Uri("http://b:2/v1"))], fromFile.Upstreams);
        Assert.Equal([("a", "/secrets/a")], fromFile.UpstreamKeyFiles);
        Assert.Equal(TimeSpan.FromSeconds(3), fromFile.Drain);

        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["METERING__GATEWAY__UPSTREAM"] = "c=http://c:3, d=https://d/x" };
        Assert.Equal(["c", "d"], Good(Read(commandLine: new() { ["config"] = [file] }, environment: environment)).Gateway.Upstreams.Select(u => u.Name));

        var both = Good(Read(commandLine: new() { ["config"] = [file], ["gateway:upstream"] = ["x=http://x/?a=b", "y=http://y"] }, environment: environment)).Gateway;
        Assert.Equal([("x", new Uri("http://x/?a=b")), ("y", new Uri("http://y"))], both.Upstreams);
    }

    [Theory]
    [InlineData("gateway:upstream", "a=ftp://a")]
    [InlineData("gateway:upstream", "just-a-name")]
    [InlineData("gateway:demo_key", "short")]
    public void Read_refuses_what_no_gateway_can_use(string key, string value) => Assert.Single(Read(commandLine: new() { [key] = [value] }).Errors);

    [Fact]
    public void Read_kafka_properties_of_all_layers_are_merged_by_key()
    {
        var file = File("""{ "kafka": { "config": { "security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN", "fetch.wait.max.ms": 5 } } }""");
        var settings = Good(Read(
            commandLine: new() { ["config"] = [file], ["kafka:config"] = ["sasl.username=line", "client.id=a=b"] },
            environment: new() { ["METERING__KAFKA__CONFIG__SASL_USERNAME"] = "env", ["METERING__KAFKA__CONFIG__sasl.password"] = "pw" }));

        Assert.Equal("sasl_ssl", settings.Kafka.Config["security.protocol"]);
        Assert.Equal("line", settings.Kafka.Config["sasl.username"]);
        Assert.Equal("pw", settings.Kafka.Config["sasl.password"]);
        Assert.Equal("a=b", settings.Kafka.Config["client.id"]);
        Assert.Equal("5", settings.Kafka.Config["fetch.wait.max.ms"]);
    }

    [Fact]
    public void Read_file_variable_takes_the_secret_from_the_file_without_its_newline()
    {
        var settings = Good(Read(environment: new()
        {
            ["METERING__REGISTRY__URL_FILE"] = File("http://user:pass@registry:8081/apis/ccompat/v7\n"),
            ["METERING__KAFKA__CONFIG__SASL_PASSWORD_FILE"] = File("s3cret\r\n"),
            ["METERING__KAFKA__CONFIG__SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE"] = "/etc/key.pem",
        }));

        Assert.Equal("http://registry:8081/apis/ccompat/v7", settings.RegistryUrl!.Address);
        Assert.Equal("user:pass", settings.RegistryUrl.UserInfo);
        Assert.Equal("s3cret", settings.Kafka.Config["sasl.password"]);
        Assert.Equal("/etc/key.pem", settings.Kafka.Config["sasl.oauthbearer.assertion.private.key.file"]);
    }

    [Fact]
    public void Read_file_variable_beside_the_plain_one_or_without_its_file_is_refused()
    {
        var errors = Read(environment: new()
        {
            ["METERING__REGISTRY__URL"] = "http://a:1",
            ["METERING__REGISTRY__URL_FILE"] = "/nowhere",
            ["METERING__CLICKHOUSE__URL_FILE"] = Path.Combine(_folder, "missing"),
        }).Errors;

        Assert.Equal(2, errors.Count);
        Assert.Contains(errors, e => e.StartsWith("METERING__REGISTRY__URL and METERING__REGISTRY__URL_FILE are both set", StringComparison.Ordinal));
        Assert.Contains(errors, e => e.Contains("METERING__CLICKHOUSE__URL_FILE names", StringComparison.Ordinal) && e.Contains("mount the file", StringComparison.Ordinal));
    }

    [Fact]
    public void Read_several_wrong_values_reports_each_with_its_name_value_and_fix()
    {
        var result = Read(
            commandLine: new()
            {
                ["kafka:brokers"] = ["nohost"],
                ["kafka:partitions"] = ["0"],
                ["kafka:config"] = ["no-equals", "=value", "Bad Name=x"],
                ["commit_interval"] = ["1h"],
                ["meter:host"] = ["flink"],
                ["stages"] = ["meter,rate"],
                ["log_level"] = ["loud"],
                ["name"] = ["a", "b"],
                ["data"] = [""],
            },
            environment: new() { ["METERING__SERVER__PORT"] = "65536", ["METERING__CLICKHOUSE__URL"] = "ftp://host", ["METERING__WORKLOAD"] = "-1" });

        Assert.Null(result.Settings);
        string[] expected =
        [
            "--brokers is \"nohost\"; give host:port, several joined by commas.",
            "--partitions is \"0\"; give a whole number from 1 to 10000.",
            "--kafka-config \"no-equals\" has no equals sign",
            "--kafka-config has a value without a key",
            "--kafka-config: \"Bad Name\" is no librdkafka property",
            "--commit-interval is \"1h\"; give a duration from 5ms to 5s",
            "--host is \"flink\"; give one of native, streamiz",
            "--stages is \"meter,rate\"; give any of meter, govern and sink, joined by commas.",
            "--log-level is \"loud\"; give one of trace, debug",
            "--name is given 2 times; give it once.",
            "--data is empty",
            "METERING__SERVER__PORT is \"65536\"; give a whole number from 0 to 65535.",
            "METERING__CLICKHOUSE__URL is \"ftp://host\"; give an address such as",
            "METERING__WORKLOAD is \"-1\"; give none, or events a second",
        ];
        foreach (var sentence in expected)
            Assert.Contains(result.Errors, e => e.StartsWith(sentence, StringComparison.Ordinal));
        Assert.Equal(expected.Length, result.Errors.Count);
    }

    [Theory]
    [InlineData("meter", Stages.Meter)]
    [InlineData("SINK", Stages.Sink)]
    [InlineData("sink, meter", Stages.Meter | Stages.Sink)]
    public void Read_stages_are_names_joined_by_commas(string text, Stages stages) =>
        Assert.Equal(stages, Good(Read(environment: new() { ["METERING__STAGES"] = text })).Run.Stages);

    [Theory]
    [InlineData("METERING__KAFKA__BROKER", "did you mean METERING__KAFKA__BROKERS?")]
    [InlineData("METERING__SERVRE__PORT", "did you mean METERING__SERVER__PORT?")]
    [InlineData("METERING__KAFKA__CONFIG", "did you mean")]
    [InlineData("METERING__WHOLLY_DIFFERENT_THING_ALTOGETHER", "unset it")]
    public void Read_unknown_variable_is_refused_with_the_nearest_name(string name, string hint)
    {
        var error = Assert.Single(Read(environment: new() { [name] = "x" }).Errors);

        Assert.StartsWith(name + " in the environment is no setting", error, StringComparison.Ordinal);
        Assert.Contains(hint, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_unknown_settings_in_the_file_are_refused_with_the_nearest_name()
    {
        var file = File("""{ "kafka": { "broker": "h:1" }, "zzzzzzzzzzzzzz": 1, "name": ["a"], "kafka_x": {}, "config": "other.json" }""");
        var errors = Read(commandLine: new() { ["config"] = [file] }).Errors;

        Assert.Contains($"kafka:broker in {file} is no setting; did you mean kafka:brokers?", errors);
        Assert.Contains($"zzzzzzzzzzzzzz in {file} is no setting; take it out.", errors);
        Assert.Contains($"name in {file} is a list; give one value.", errors);
        Assert.Contains(errors, e => e.StartsWith("config in ", StringComparison.Ordinal));
        Assert.Equal(5, errors.Count);
    }

    [Theory]
    [InlineData("{ \"kafka\": ", "is no JSON")]
    [InlineData("[1, 2]", "holds no JSON object")]
    [InlineData("", "is no JSON")]
    [InlineData("{ \"name\": \"a\", \"name\": \"b\" }", "is no JSON")]
    public void Read_malformed_file_is_an_error_that_names_it(string content, string sentence)
    {
        var file = File(content);
        var error = Assert.Single(Read(commandLine: new() { ["config"] = [file] }).Errors);

        Assert.Contains($"--config \"{file}\" {sentence}", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_missing_file_named_by_the_environment_is_an_error_that_names_the_variable()
    {
        var error = Assert.Single(Read(environment: new() { ["METERING__CONFIG"] = "/nowhere/at/all.json" }).Errors);

        Assert.StartsWith("METERING__CONFIG \"/nowhere/at/all.json\" cannot be read", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_foreign_variables_and_empty_ones_are_left_alone()
    {
        var settings = Good(Read(environment: new()
        {
            ["METERING_SHARED"] = "/x",
            ["PATH"] = "/bin",
            ["METERING__KAFKA__BROKERS"] = "",
            ["METERING__SERVER__PORT"] = "",
        }));

        Assert.Null(settings.Kafka.Brokers);
        Assert.Equal(8080, settings.Ports.Server);
    }

    [Fact]
    public void Read_wrong_address_with_a_password_does_not_print_it()
    {
        var error = Assert.Single(Read(environment: new() { ["METERING__CLICKHOUSE__URL"] = "http//user:hunter2@host" }).Errors);

        Assert.DoesNotContain("hunter2", error, StringComparison.Ordinal);
        Assert.Contains("***@host", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a:9092,b:9093", "a:9092,b:9093")]
    [InlineData(" a:1 , [::1]:9092 ,", "a:1,[::1]:9092")]
    [InlineData("SASL_SSL://kafka.example.org:443", "SASL_SSL://kafka.example.org:443")]
    public void Read_brokers_in_every_form_of_librdkafka_are_taken(string given, string taken) =>
        Assert.Equal(taken, Good(Read(commandLine: new() { ["kafka:brokers"] = [given] })).Kafka.Brokers);

    [Theory]
    [InlineData("none", 0)]
    [InlineData("0", 0)]
    [InlineData("2500", 2500)]
    public void Read_workload_is_none_or_a_rate(string given, int rate) =>
        Assert.Equal(rate, Good(Read(commandLine: new() { ["workload"] = [given] })).Run.WorkloadEventsPerSecond);

    [Fact]
    public void Read_time_longer_than_a_timer_takes_is_refused() =>
        Assert.StartsWith("--for is \"50d\"; give a duration from 1ms to 40d",
            Assert.Single(Read(commandLine: new() { ["for"] = ["50d"] }).Errors), StringComparison.Ordinal);

    [Fact]
    public void Known_settings_have_unique_names_in_every_spelling()
    {
        Assert.Equal(KnownSettings.All.Count, KnownSettings.All.Select(s => s.Flag).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(KnownSettings.All.Count, KnownSettings.All.Select(s => s.EnvironmentName).Distinct(StringComparer.Ordinal).Count());
        Assert.All(KnownSettings.All, s => Assert.Same(s, KnownSettings.Find(s.Key)));
        Assert.Same(KnownSettings.TopicPrefix, KnownSettings.Find("Kafka:TopicPrefix"));
    }

    private static SettingsResult Read(
        Dictionary<string, IReadOnlyList<string>>? commandLine = null, Dictionary<string, string>? environment = null) =>
        SettingsReader.Read(new SettingsSources { CommandLine = commandLine ?? [], Environment = environment ?? [] });

    private static MeteringSettings Good(SettingsResult result)
    {
        Assert.Empty(result.Errors);
        return result.Settings!;
    }

    private string File(string content)
    {
        var path = Path.Combine(_folder, Path.GetRandomFileName());
        System.IO.File.WriteAllText(path, content);
        return path;
    }
}
