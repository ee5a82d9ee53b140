using System.Globalization;
using Confluent.SchemaRegistry;
using Metering.Integration.Running;
using Metering.Registry.Service;

namespace Metering.Benchmarks.Loop;

/// <summary>A part's own world on the bench's Kafka: topics with a prefix of their own, a registry, and the program's processes.</summary>
internal sealed class LoopStand : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly RegistryServer _registry;

    private LoopStand(Stand processes, RegistryServer registry) => (Processes, _registry) = (processes, registry);

    public Stand Processes { get; }

    /// <summary>METER and GOVERN, the one process that decides.</summary>
    public MeteringProcess Pipeline { get; private set; } = null!;

    public Metering.Kafka.KafkaSettings Kafka => new() { Brokers = Processes.Brokers, TopicPrefix = Processes.Prefix };

    /// <summary>With METER and GOVERN ready.</summary>
    public static async Task<LoopStand> StartAsync(string brokers)
    {
        var processes = new Stand(brokers) { Partitions = Environment.GetEnvironmentVariable("METERING_BENCH_PARTITIONS") ?? "2" };
        var registry = await RegistryServer.StartAsync(new RegistryOptions { Port = new Uri(processes.Registry).Port, DataDirectory = Path.Combine(processes.Folder, "registry") });
        var stand = new LoopStand(processes, registry);
        try
        {
            await stand.StartPipelineAsync();
            return stand;
        }
        catch
        {
            await stand.DisposeAsync();
            throw;
        }
    }

    /// <summary>Also again, after it was killed.</summary>
    public async Task StartPipelineAsync()
    {
        Pipeline = Processes.Pipeline("governor", "--stages", "meter,govern", "--group-instance", "governor");
        await Pipeline.ReadyAsync();
    }

    public async Task ApplyAsync(string policies)
    {
        var file = Path.Combine(Processes.Folder, "policies.yaml");
        await File.WriteAllTextAsync(file, policies);
        (await RunAsync("policy", "apply", file)).Succeeded();
    }

    /// <summary>A command of the program, on these topics, to its end.</summary>
    public Task<Ended> RunAsync(params string[] arguments) => Processes.Start([.. arguments, "--json", .. Topics]).EndAsync();

    public string[] Topics => ["--brokers", Processes.Brokers, "--topic-prefix", Processes.Prefix, "--registry", Processes.Registry];

    /// <summary>The id under which readers ask for a topic's schema.</summary>
    public async Task<int> SchemaIdAsync(string topic)
    {
        using var client = new CachedSchemaRegistryClient(new SchemaRegistryConfig { Url = Processes.Registry });
        return (await client.GetLatestSchemaAsync(string.Create(CultureInfo.InvariantCulture, $"{Processes.Prefix}{topic}-value"))).Id;
    }

    public async ValueTask DisposeAsync()
    {
        await Processes.DisposeAsync();
        await _registry.DisposeAsync();
    }
}
