using System.CommandLine;
using Metering.Cli.Hosting;
using Metering.Cli.Output;
using Metering.Cli.Settings;
using Metering.ClickHouse.Ledger;

namespace Metering.Cli.Commands;

/// <summary>METER, GOVERN and SINK, or some of them, against a real Kafka, registry and ClickHouse.</summary>
public sealed class PipelineCommand : MeteringCommand
{
    private readonly Option<bool> _adopt = AdoptOption.Create();

    public PipelineCommand()
        : base("pipeline", "Meter, govern and store: one of the processes that share the work on a fleet.",
            KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.GroupInstance, KnownSettings.Partitions, KnownSettings.Replication,
            KnownSettings.RegistryUrl, KnownSettings.ClickHouseUrl, KnownSettings.ServerPort, KnownSettings.Stages, KnownSettings.CommitInterval, KnownSettings.MeterHost, KnownSettings.LossGrace, KnownSettings.Data, KnownSettings.Name, KnownSettings.For) =>
        Options.Add(_adopt);

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var settings = context.Settings;
        using var registry = new RegistryConnection(settings.RegistryOrLocal);
        await using var ledger = new ServerLedger(Connections.WithSecrets(settings.ClickHouseOrLocal));
        var role = new PipelineRole(context, registry, ledger, context.Parsed.GetValue(_adopt));
        var addresses = new ReadyAddresses { Registry = settings.RegistryOrLocal.ToString(), ClickHouse = settings.ClickHouseOrLocal.ToString() };
        return await role.RunAsync("pipeline", addresses, beside: null, cancellationToken);
    }
}

/// <summary><c>--adopt</c>, of the commands that fill a ledger.</summary>
internal static class AdoptOption
{
    public static Option<bool> Create() => new("--adopt")
    {
        Description = "Fill a ledger that another Kafka cluster, or a topic made anew, has filled before.",
    };
}
