using System.CommandLine;
using Metering.Cli.Settings;

namespace Metering.Cli.Commands;

/// <summary>
/// One sub-command: declares its own arguments and options in its constructor and does its work in
/// <see cref="RunAsync"/>. Every command takes every setting's flag; its help shows the general ones and those named here.
/// </summary>
public abstract class MeteringCommand : Command
{
    protected MeteringCommand(string name, string description, params IReadOnlyList<SettingDefinition> settings)
        : base(name, description)
    {
        Settings = new SettingOptions(this, settings);
    }

    /// <summary>The flags of the settings.</summary>
    internal SettingOptions Settings { get; }

    /// <summary>Does the work. A Ctrl-C, a SIGTERM or the end of <c>--for</c> cancels the token: what serves then stops
    /// cleanly and returns <see cref="ExitCodes.Done"/>; what was to finish a task throws.</summary>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    /// <exception cref="ServiceUnreachableException">Exit code 3.</exception>
    /// <exception cref="CommandFailedException">Exit code 1.</exception>
    /// <exception cref="WrongUsageException">Exit code 2.</exception>
    public abstract Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken);
}
