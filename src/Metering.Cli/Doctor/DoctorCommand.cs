using Metering.Cli.Commands;
using Metering.Cli.Settings;

namespace Metering.Cli.Doctor;

/// <summary>Checks the machine and the connections and says what to do; exit code 1 when something required is broken.</summary>
public sealed class DoctorCommand() : MeteringCommand(
    "doctor", "Check this machine and the connections, and say what to do.",
    KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.RegistryUrl, KnownSettings.ClickHouseUrl, KnownSettings.Data,
    KnownSettings.Listen, KnownSettings.KafkaPort, KnownSettings.RegistryPort, KnownSettings.ClickHousePort, KnownSettings.ServerPort)
{
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var settings = context.Settings;
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        var brokers = ConnectionChecks.BrokersAsync(settings);
        List<CheckResult> results =
        [
            MachineChecks.DotNet(),
            MachineChecks.Engine(settings, Environment.GetEnvironmentVariable("METERING_LIBCHDB")),
            MachineChecks.Disk(settings),
            MachineChecks.DataDirectory(settings),
            MachineChecks.Memory(),
            .. await PortChecks.RunAsync(settings, client, cancellationToken),
            await brokers,
            await ConnectionChecks.RegistryAsync(settings, client, cancellationToken),
            await ConnectionChecks.ClickHouseAsync(settings, client, cancellationToken),
        ];
        foreach (var result in results)
            context.Output.Line(result, DoctorJson.Default.CheckResult, r => r.ToLine());

        var failed = results.Count(r => r.Status == CheckStatus.Fail);
        var summary = new DoctorSummary(failed == 0, failed, results.Count(r => r.Status == CheckStatus.Warn));
        context.Output.Line(summary, DoctorJson.Default.DoctorSummary, Summarise);
        return failed == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static string Summarise(DoctorSummary summary) => summary switch
    {
        { Ok: false } => FormattableString.Invariant($"{summary.Failed} to mend before metering can run here"),
        { Warned: > 0 } => "metering can run here; see the warnings",
        _ => "metering can run here",
    };
}
