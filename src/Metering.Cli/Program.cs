using Metering.Cli.Commands;
using Metering.Cli.Doctor;

return await new MeteringApplication(
    new QueryCommand(),
    new DoctorCommand()).RunAsync(args);
