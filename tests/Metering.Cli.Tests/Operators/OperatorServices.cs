using System.Text;
using System.Text.Json.Nodes;
using Confluent.Kafka;
using Metering.Cli.Commands;
using Metering.Cli.Hosting;
using Metering.Cli.Settings;
using Metering.LocalBroker;
using Metering.Registry.Service;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Cli.Tests.Operators;

/// <summary>Kafka and a registry for operator commands: those of this machine, the Kafka named by METERING_TEST_KAFKA before the
/// local broker. Each test has topics of its own.</summary>
public sealed class OperatorServices : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("metering-operators-").FullName;
    private LocalBrokerServer? _broker;
    private RegistryServer? _registry;
    private string? _brokers;

    internal string Brokers => _brokers!;

    internal ServiceUrl Registry => ServiceUrl.Local(_registry!.Url.Port);

    public async ValueTask InitializeAsync()
    {
        _registry = await RegistryServer.StartAsync(new RegistryOptions { Port = 0, DataDirectory = Path.Combine(_folder, "registry") });
        _brokers = Environment.GetEnvironmentVariable("METERING_TEST_KAFKA") is { Length: > 0 } named ? named : null;
        if (_brokers is not null)
            return;
        _broker = await LocalBrokerServer.StartAsync(new LocalBrokerOptions { Directory = Path.Combine(_folder, "kafka"), Port = 0, Durability = Durability.Process }, CancellationToken.None);
        _brokers = _broker.Endpoint.ToString();
    }

    internal OperatorConsole Console() => new(this, "t" + Guid.NewGuid().ToString("N")[..10] + "-");

    internal KafkaSettings KafkaOf(string prefix) => new() { Brokers = Brokers, TopicPrefix = prefix };

    internal RegistryConnection Connect() => new(Registry);

    /// <summary>Writes a record as anybody might.</summary>
    internal async Task PutAsync(string topic, string key, byte[] value)
    {
        using var producer = new ProducerBuilder<string, byte[]>(KafkaOf("").Producer()).Build();
        await producer.ProduceAsync(topic, new Message<string, byte[]> { Key = key, Value = value });
    }

    public async ValueTask DisposeAsync()
    {
        if (_broker is not null)
            await _broker.DisposeAsync();
        if (_registry is not null)
            await _registry.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Runs operator commands in this process, as a program would: with <c>--json</c>.</summary>
internal sealed class OperatorConsole(OperatorServices services, string prefix)
{
    private static readonly Lazy<string> Files = new(CreateFolder);

    public string Prefix => prefix;

    public OperatorServices Services => services;

    public async Task<(int ExitCode, JsonObject[] Lines, string Error)> RunAsync(params string[] arguments)
    {
        var (exitCode, text, error) = await TextAsync([.. arguments, "--json"]);
        return (exitCode, [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!.AsObject())], error);
    }

    public Task<(int ExitCode, string Text, string Error)> TextAsync(params string[] arguments) =>
        ElsewhereAsync([.. arguments, "--brokers", services.Brokers, "--registry", services.Registry.ToString(), "--topic-prefix", prefix]);

    /// <summary>Without the services' addresses.</summary>
    public async Task<(int ExitCode, string Text, string Error)> ElsewhereAsync(params string[] arguments)
    {
        using var output = new MemoryStream();
        await using var text = new StreamWriter(output) { AutoFlush = true };
        await using var error = new StringWriter();
        var application = new MeteringApplication(OperatorCommands.Policy(), OperatorCommands.Key())
        {
            Streams = new ApplicationStreams { OutBytes = output, Out = text, Error = TextWriter.Synchronized(error), Environment = new Dictionary<string, string>(StringComparer.Ordinal) },
        };
        var exitCode = await application.RunAsync([.. arguments, "--log-level", "warning"]);
        return (exitCode, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    /// <summary>Writes a file and returns its path.</summary>
    public static string FileOf(string content)
    {
        var path = Path.Combine(Files.Value, Guid.NewGuid().ToString("N"));
        File.WriteAllText(path, content);
        return path;
    }

    private static string CreateFolder()
    {
        var folder = Directory.CreateTempSubdirectory("metering-file-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }
}
