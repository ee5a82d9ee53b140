using System.Text;
using Metering.Cli.Output;
using Metering.Cli.Settings;

namespace Metering.Cli.Commands;

/// <summary>What the program reads and writes besides its connections.</summary>
public sealed record ApplicationStreams
{
    /// <summary>Standard output as bytes: query results pass through unchanged.</summary>
    public required Stream OutBytes { get; init; }

    /// <summary>Standard output as text.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Standard error: logs and errors.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>A person watches standard output.</summary>
    public bool IsTerminal { get; init; }

    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    public static ApplicationStreams OfProcess()
    {
        var stdout = StandardOutput.Open();
        return new ApplicationStreams
        {
            OutBytes = stdout,
            Out = new StreamWriter(stdout, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true },
            Error = new DivertibleWriter(Console.Error),
            IsTerminal = !Console.IsOutputRedirected && !Console.IsErrorRedirected,
            Environment = SettingsSources.ProcessEnvironment(),
        };
    }
}
