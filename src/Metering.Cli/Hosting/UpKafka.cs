using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using Metering.Cli.Commands;
using Metering.Cli.Settings;
using Metering.LocalBroker;

namespace Metering.Cli.Hosting;

/// <summary>The Kafka that <c>up</c> works on: the one named by --brokers, or a local broker in this process, under the data
/// folder.</summary>
internal sealed class UpKafka : IAsyncDisposable
{
    private readonly LocalBrokerServer? _broker;
    private readonly Meter? _meter;

    private UpKafka(MeteringSettings settings, LocalBrokerServer? broker, Meter? meter) => (Settings, _broker, _meter) = (settings, broker, meter);

    /// <summary>With the address of the broker that runs.</summary>
    public MeteringSettings Settings { get; }

    /// <exception cref="CommandFailedException">The port is taken, or what lies in the data folder cannot be read.</exception>
    public static async Task<UpKafka> StartAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var settings = context.Settings;
        if (settings.Kafka.Brokers is not null)
            return new(settings, null, null);
        var options = new LocalBrokerOptions
        {
            Directory = Path.Combine(settings.Run.DataDirectory, "kafka"),
            Address = settings.Ports.Listen,
            Port = settings.Ports.Kafka,
            Durability = settings.Kafka.Durability,
            Time = context.Time,
            Loggers = context.Loggers,
        };
        try
        {
            var broker = await LocalBrokerServer.StartAsync(options, cancellationToken);
            return new(settings with { Kafka = settings.Kafka with { Brokers = ForThisProcess(broker.Endpoint) } }, broker, BrokerMetrics.Register(broker));
        }
        catch (Exception error) when (error is IOException or InvalidDataException)
        {
            throw new CommandFailedException($"the local broker cannot start: {error.Message}; {KnownSettings.KafkaPort.Flag} names another port, {KnownSettings.Brokers.Flag} a Kafka of your own", error);
        }
    }

    // An address for all interfaces is one to listen on, not one to connect to.
    private static string ForThisProcess(IPEndPoint endpoint)
    {
        var address = endpoint.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : endpoint.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : endpoint.Address;
        return new IPEndPoint(address, endpoint.Port).ToString();
    }

    public async ValueTask DisposeAsync()
    {
        _meter?.Dispose();
        if (_broker is not null)
            await _broker.DisposeAsync();
    }
}
