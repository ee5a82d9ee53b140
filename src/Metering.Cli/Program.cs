using Metering.Cli.Commands;
using Metering.Cli.Doctor;

return await new MeteringApplication(
    new UpCommand(),
    new PipelineCommand(),
    new GatewayCommand(),
    new HostMockCommand(),
    new ReplayCommand(),
    new VerifyCommand(),
    new QueryCommand(),
    OperatorCommands.Policy(),
    OperatorCommands.Key(),
    new ChaosCommand(),
    new FuzzCommand(),
    new DoctorCommand()).RunAsync(args);
