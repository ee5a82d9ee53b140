using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>Our broker in this process, as <c>up</c> runs it, on a free port and in a folder of its own.</summary>
public sealed class LocalFixture : BrokerFixture
{
    private DirectoryInfo? _folder;
    private LocalBrokerServer? _server;

    public override string Brokers => _server?.Endpoint.ToString() ?? throw new InvalidOperationException("the local broker did not start");

    protected override async Task LaunchAsync()
    {
        _folder = Directory.CreateTempSubdirectory("metering-broker-");
        // Compaction and retention are looked at each second, as the shared Kafka's cleaner does: tests wait for them.
        _server = await LocalBrokerServer.StartAsync(
            new LocalBrokerOptions { Directory = _folder.FullName, Port = 0 },
            StoreSettings.Default with { HousekeepingInterval = TimeSpan.FromSeconds(1) },
            CancellationToken.None);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _folder?.Delete(recursive: true);
    }
}
