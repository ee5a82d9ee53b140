using Metering.Cli.Commands;
using Metering.Cli.Settings;
using Metering.Client;
using Metering.Gateway;
using Metering.Gateway.Exchanges;
using Metering.Gateway.Forwarding;
using Metering.Gateway.Governed;
using Metering.Gateway.Hosting;
using Metering.Gateway.Keys;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary>Turns the settings into what a gateway is started with.</summary>
internal static class GatewaySetup
{
    /// <exception cref="WrongUsageException">A secret belongs to no host, its file cannot be read, or an option is out of range.</exception>
    public static GatewayOptions Options(MeteringSettings settings)
    {
        var upstreams = settings.Gateway.Upstreams.Select(static u => new UpstreamOptions { Name = u.Name, Url = u.Url }).ToList();
        if (upstreams.Count == 0)
            upstreams.Add(new UpstreamOptions { Name = "mock", Url = ServiceUrl.Local(settings.Ports.Host).Uri });
        foreach (var (name, file) in settings.Gateway.UpstreamKeyFiles)
        {
            var at = name.Length == 0 ? 0 : upstreams.FindIndex(u => string.Equals(u.Name, name, StringComparison.Ordinal));
            if (at < 0)
                throw new WrongUsageException($"{KnownSettings.UpstreamKeyFile.Flag} {name}={file} belongs to no {KnownSettings.Upstream.Flag}; their names are {string.Join(", ", upstreams.Select(static u => u.Name))}.");
            upstreams[at] = upstreams[at] with { Secret = Secret(file) };
        }
        foreach (var name in settings.Gateway.IgnoreMaxTokens)
        {
            var at = upstreams.FindIndex(u => string.Equals(u.Name, name, StringComparison.Ordinal));
            if (at < 0)
                throw new WrongUsageException($"{KnownSettings.UpstreamIgnoresMaxTokens.Flag} {name} belongs to no {KnownSettings.Upstream.Flag}; their names are {string.Join(", ", upstreams.Select(static u => u.Name))}.");
            upstreams[at] = upstreams[at] with { HonoursMaxTokens = false };
        }
        var options = new GatewayOptions
        {
            Port = settings.Ports.Gateway,
            Listen = settings.Ports.Listen,
            Upstreams = upstreams,
            MaxBodyBytes = settings.Gateway.MaxBodyBytes,
            MaxAnswerBytes = settings.Gateway.MaxAnswerBytes,
            ConnectTimeout = settings.Gateway.ConnectTimeout,
            AnswerTimeout = settings.Gateway.AnswerTimeout,
            IdleTimeout = settings.Gateway.IdleTimeout,
        };
        return options.Validate() is { Count: > 0 } errors ? throw new WrongUsageException(string.Join(' ', errors)) : options;
    }

    /// <summary>Keys of the topic, and the demo key when one is given.</summary>
    public static IKeyDirectory Keys(GatewaySettings settings, IKeyDirectory topic)
    {
        if (settings.DemoKey is not { } secret)
            return topic;
        var demo = new InMemoryKeyDirectory();
        demo.Set(secret, new ApiKey { Id = "demo", Tenant = "demo" });
        return new KeyDirectories(demo, topic);
    }

    /// <summary>Policies, keys and leases by the fleet's topics; it begins to read.</summary>
    public static GovernedParts Governed(CommandContext context, ServiceUrl registryUrl)
    {
        var kafka = context.Settings.Kafka;
        return GovernedParts.Start(new ControlOptions
        {
            Brokers = context.Settings.BrokersOrLocal,
            Registry = Connections.WithSecrets(registryUrl),
            TopicPrefix = kafka.TopicPrefix,
            KafkaConfig = kafka.Config.ToDictionary(StringComparer.Ordinal),
        }, new GovernedOptions(), context.Loggers, context.Time);
    }

    /// <summary>Those that used the publisher's spool before (R29).</summary>
    public static FormerGateways Former(CommandContext context, TokenEventPublisher publisher, GovernedParts governed) =>
        FormerGateways.Open(publisher.Folder, governed.Instance, publisher.Stats is { Damaged: 0, Expired: 0 }, context.Loggers.CreateLogger<FormerGateways>());

    /// <summary>Waits until control has been read to its end; false when told to stop before.</summary>
    public static async Task<bool> IsReadyAsync(GatewayServer gateway, TimeProvider time, CancellationToken cancellationToken)
    {
        while (gateway.NotReady is not null)
        {
            if (cancellationToken.IsCancellationRequested)
                return false;
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, CancellationToken.None);
        }
        return true;
    }

    private static string Secret(string file)
    {
        try
        {
            return UpstreamOptions.ReadSecret(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WrongUsageException($"{KnownSettings.UpstreamKeyFile.Flag} names \"{file}\", which cannot be read ({e.Message}); mount the file or correct the path.");
        }
    }
}
