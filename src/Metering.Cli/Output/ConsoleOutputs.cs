using Metering.Cli.Commands;
using Metering.Cli.Settings;
using Spectre.Console;

namespace Metering.Cli.Output;

/// <summary>Chooses who standard output is for.</summary>
internal static class ConsoleOutputs
{
    public static IConsoleOutput Create(OutputSettings settings, ApplicationStreams streams)
    {
        if (settings.Json)
            return new JsonLinesOutput(streams.OutBytes, streams.Error);
        if (!streams.IsTerminal)
            return new PlainOutput(streams.OutBytes, streams.Out, streams.Error);
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(streams.Out) });
        return new LiveTableOutput(console, streams.OutBytes, streams.Error);
    }
}
