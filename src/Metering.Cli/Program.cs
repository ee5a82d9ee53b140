using Metering.Cli.Commands;
using Metering.Cli.Doctor;

return await new MeteringApplication(
    new UpCommand(),
    new PipelineCommand(),
    new ReplayCommand(),
    new VerifyCommand(),
    new QueryCommand(),
    new ChaosCommand(),
    new FuzzCommand(),
    new DoctorCommand()).RunAsync(args);
