using System.CommandLine;

namespace Metering.Cli.Commands;

/// <summary>A word before other commands: <c>policy</c> in <c>policy apply</c>.</summary>
public sealed class CommandGroup : Command
{
    public CommandGroup(string name, string description, params IReadOnlyList<MeteringCommand> commands)
        : base(name, description)
    {
        foreach (var command in commands)
            Subcommands.Add(command);
    }
}
