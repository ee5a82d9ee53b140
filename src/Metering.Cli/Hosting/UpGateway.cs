using System.Security.Cryptography;
using Metering.Cli.Commands;
using Metering.Cli.Settings;
using Metering.Client;
using Metering.Gateway.Governed;
using Metering.Gateway.Hosting;
using Metering.Gateway.MockHost;

namespace Metering.Cli.Hosting;

/// <summary>The gateway that <c>up</c> brings along, before a mock model host unless another is named: what a fleet's gateways do,
/// against the same topics. It listens at once and serves once control has been read.</summary>
internal sealed class UpGateway : IAsyncDisposable
{
    private readonly MockModelHost? _mock;
    private readonly TokenEventPublisher _publisher;
    private readonly GovernedParts _governed;
    private readonly GatewayServer _gateway;
    private readonly TimeSpan _drain;

    private UpGateway(MockModelHost? mock, TokenEventPublisher publisher, GovernedParts governed, GatewayServer gateway, TimeSpan drain) =>
        (_mock, _publisher, _governed, _gateway, _drain) = (mock, publisher, governed, gateway, drain);

    public string Address => _gateway.Address;

    /// <summary>Null when the upstream is another's.</summary>
    public string? Host => _mock?.Address;

    /// <summary>Why requests are not served yet, or null.</summary>
    public string? NotReady => _gateway.NotReady;

    /// <exception cref="GatewayStartException">A port is taken.</exception>
    /// <exception cref="WrongUsageException">The settings do not fit together.</exception>
    public static async Task<UpGateway> StartAsync(CommandContext context, ServiceUrl registryUrl, CancellationToken cancellationToken)
    {
        var settings = context.Settings;
        var mock = settings.Gateway.Upstreams.Count > 0 ? null : await MockModelHost.StartAsync(new MockBehaviour { TokensPerSecond = 200 }, settings.Ports.Host, settings.Ports.Listen, context.Loggers, context.Time, cancellationToken);
        if (mock is not null)
            settings = settings with { Ports = settings.Ports with { Host = mock.Port } };
        var publisher = await TokenEventPublisher.StartAsync(new PublisherOptions
        {
            Brokers = settings.BrokersOrLocal,
            Registry = Connections.WithSecrets(registryUrl),
            Source = (settings.Run.Name ?? "up-" + Environment.MachineName) + "-gateway",
            TopicPrefix = settings.Kafka.TopicPrefix,
            DataFolder = settings.Run.DataDirectory,
            KafkaConfig = settings.Kafka.Config.ToDictionary(StringComparer.Ordinal),
        }, context.Loggers, context.Time);
        var governed = GatewaySetup.Governed(context, registryUrl);
        try
        {
            var gateway = await GatewayServer.StartAsync(GatewaySetup.Options(settings), new GatewayParts
            {
                Keys = GatewaySetup.Keys(settings.Gateway with { DemoKey = DemoKeyOf(settings) }, governed.Keys),
                Admission = governed.Admission,
                Journal = publisher,
                Former = GatewaySetup.Former(context, publisher, governed),
                Time = context.Time,
                Loggers = context.Loggers,
            }, cancellationToken);
            return new UpGateway(mock, publisher, governed, gateway, settings.Gateway.Drain);
        }
        catch
        {
            await governed.DisposeAsync();
            await publisher.DisposeAsync();
            if (mock is not null)
                await mock.DisposeAsync();
            throw;
        }
    }

    /// <summary>What a person types to try it.</summary>
    public string Hint(MeteringSettings settings) =>
        $"try: curl {Address}/v1/chat/completions -H 'authorization: Bearer {DemoKeyOf(settings)}' -H 'content-type: application/json' -d '{{\"model\":\"gpt-4o-mini\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'";

    public async ValueTask DisposeAsync()
    {
        await _gateway.StopAsync(_drain);
        await _gateway.DisposeAsync();
        await _governed.DisposeAsync();
        await _publisher.DisposeAsync();
        if (_mock is not null)
            await _mock.DisposeAsync();
    }

    // Made once for a data folder, so that a restarted up knows the key that its user has copied.
    private static string DemoKeyOf(MeteringSettings settings)
    {
        if (settings.Gateway.DemoKey is { } given)
            return given;
        var file = Path.Combine(settings.Run.DataDirectory, "demo-key");
        if (File.Exists(file))
            return File.ReadAllText(file).Trim();
        var secret = "mk-demo-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        File.WriteAllText(file, secret);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return secret;
    }
}
