using System.CommandLine;
using Metering.Cli.Output;
using Metering.Cli.Settings;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Commands;

/// <summary>What a command runs with.</summary>
public sealed record CommandContext
{
    /// <summary>Read and checked.</summary>
    public required MeteringSettings Settings { get; init; }

    /// <summary>The only way to standard output.</summary>
    public required IConsoleOutput Output { get; init; }

    /// <summary>Writes to standard error, at the level asked for.</summary>
    public required ILoggerFactory Loggers { get; init; }

    /// <summary>The values of the command's own options and arguments.</summary>
    public required ParseResult Parsed { get; init; }

    public required TimeProvider Time { get; init; }
}
