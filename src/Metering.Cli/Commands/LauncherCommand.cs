using System.CommandLine;

namespace Metering.Cli.Commands;

/// <summary>A command of the launcher script, here so that the help lists it.</summary>
internal sealed class LauncherCommand : Command
{
    public LauncherCommand(string name, string description)
        : base(name, description)
    {
        TreatUnmatchedTokensAsErrors = false;
        SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Error.WriteLine($"metering {name} is done by the launcher: run ./metering {name} in a checkout.");
            return ExitCodes.WrongUsage;
        });
    }
}
