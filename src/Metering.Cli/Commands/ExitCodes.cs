namespace Metering.Cli.Commands;

/// <summary>What a command's end means to a script.</summary>
public static class ExitCodes
{
    public const int Done = 0;

    /// <summary>It failed, or found a difference.</summary>
    public const int Failed = 1;

    public const int WrongUsage = 2;

    /// <summary>A service that the command needs does not answer.</summary>
    public const int Unreachable = 3;
}
