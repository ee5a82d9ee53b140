using Metering.LocalBroker;
using Metering.Registry.Service;

namespace Metering.Benchmarks.Gateways.Processes;

/// <summary>Kafka and the registry for the gateway, in a process of their own: a fleet has them on other machines.</summary>
internal sealed class ServicesChild : IAsyncDisposable
{
    public const string Command = "gateway-services";

    private readonly Child _child;

    private ServicesChild(Child child, string brokers, string registry) => (_child, Brokers, Registry) = (child, brokers, registry);

    public string Brokers { get; }

    public string Registry { get; }

    public static async Task<ServicesChild> StartAsync(string folder)
    {
        var child = Child.StartSelf(Command, folder);
        var addresses = (await child.ReadLineAsync()).Split(' ');
        return new ServicesChild(child, addresses[0], addresses[1]);
    }

    public ValueTask DisposeAsync() => _child.DisposeAsync();

    /// <summary>The child's own side.</summary>
    public static async Task<int> RunAsync(string folder)
    {
        // As a real Kafka acknowledges: when the operating system has the record.
        await using var broker = await LocalBrokerServer.StartAsync(new LocalBrokerOptions { Directory = Path.Combine(folder, "kafka"), Port = 0, Durability = Durability.Process }, CancellationToken.None);
        await using var registry = await RegistryServer.StartAsync(new RegistryOptions { Port = 0, DataDirectory = Path.Combine(folder, "registry") }, CancellationToken.None);
        Console.WriteLine($"{broker.Endpoint} {registry.Url}");
        await Task.Run(Console.In.ReadToEnd);
        return 0;
    }
}
