using Metering.Cli.Hosting;
using Metering.Cli.Settings;
using Metering.Gateway.Hosting;

namespace Metering.Cli.Commands;

/// <summary>The gateway against a real Kafka and registry: serves OpenAI's API before model hosts and meters every request.</summary>
public sealed class GatewayCommand : MeteringCommand
{
    public GatewayCommand()
        : base("gateway", "Serve OpenAI's API before model hosts, and meter every request.",
            KnownSettings.Upstream, KnownSettings.UpstreamKeyFile, KnownSettings.UpstreamIgnoresMaxTokens, KnownSettings.MaxBodyBytes, KnownSettings.MaxAnswerBytes,
            KnownSettings.ConnectTimeout, KnownSettings.AnswerTimeout, KnownSettings.IdleTimeout, KnownSettings.GatewayPort, KnownSettings.Listen, KnownSettings.Drain, KnownSettings.DemoKey,
            KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl, KnownSettings.ServerPort, KnownSettings.HostPort, KnownSettings.Data, KnownSettings.Name, KnownSettings.For)
    {
    }

    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        // Before the first socket of the process: nothing in a gateway blocks behind one.
        InlineCompletions.Enable();
        return new GatewayRole(context).RunAsync(cancellationToken);
    }
}
