using System.CommandLine;
using System.CommandLine.Help;
using Metering.Cli.Logging;
using Metering.Cli.Output;
using Metering.Cli.Settings;
using Metering.Gateway.Hosting;
using Metering.Pipeline.Meter;
using Metering.Server;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Commands;

/// <summary>The program: finds the command, reads its settings, runs it, and turns its end into an exit code.</summary>
public sealed class MeteringApplication
{
    // An argument that begins with @ is a value (a password, a table's name), not a file of arguments.
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    private readonly RootCommand _root = new("Counts every token of a fleet of language models exactly once, from Kafka to ClickHouse.");

    /// <summary>Of the commands given (<see cref="MeteringCommand"/>, or groups of them), plus the launcher's own for the help.</summary>
    public MeteringApplication(params IReadOnlyList<Command> commands)
    {
        foreach (var command in commands)
            _root.Subcommands.Add(command);
        _root.Subcommands.Add(new LauncherCommand("test", "Build and run every test (./metering test)."));
        _root.Subcommands.Add(new LauncherCommand("simulate", "Play seeded histories of the pipeline under services that fail, in virtual time (./metering simulate)."));
        _root.Subcommands.Add(new LauncherCommand("bench", "Benchmarks that print ratios against a baseline of the same run (./metering bench)."));
    }

    /// <summary>The process's standard streams and environment; replaced by tests.</summary>
    public ApplicationStreams Streams { get; init; } = ApplicationStreams.OfProcess();

    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var parsed = _root.Parse(arguments, Parsing);
        if (parsed.Action is HelpAction)
            return await ShowAsync(parsed);
        if (parsed.Errors.Count > 0)
            return RefuseUsage(parsed, arguments);
        // What is left besides our commands: --version and the launcher's.
        if (parsed.CommandResult.Command is not MeteringCommand command)
            return await ShowAsync(parsed);

        var read = SettingsReader.Read(new SettingsSources
        {
            CommandLine = command.Settings.Given(parsed),
            Environment = Streams.Environment,
        });
        if (read.Settings is null)
            return Refuse(read.Errors, PathOf(command));
        return await RunAsync(command, parsed, read.Settings);
    }

    private async Task<int> RunAsync(MeteringCommand command, ParseResult parsed, MeteringSettings settings)
    {
        await using var output = ConsoleOutputs.Create(settings.Output, Streams);
        using var loggers = Logs.Create(settings.Output, Streams);
        using var signals = new StopSignals(Streams.Error);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        if (settings.Run.For is { } duration)
            stop.CancelAfter(duration);
        try
        {
            return await command.RunAsync(
                new CommandContext { Settings = settings, Output = output, Loggers = loggers, Parsed = parsed, Time = TimeProvider.System },
                stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Fail("stopped before it was done", ExitCodes.Failed);
        }
        catch (ServiceUnreachableException e)
        {
            return Fail(e.Message, ExitCodes.Unreachable);
        }
        catch (SchemaSourceAwayException e)
        {
            return Fail($"{e.Message}; check --registry.", ExitCodes.Unreachable);
        }
        catch (WrongUsageException e)
        {
            return Refuse([e.Message], PathOf(command));
        }
        catch (Exception e) when (e is CommandFailedException or ServerStartException or GatewayStartException)
        {
            return Fail(e.Message, ExitCodes.Failed);
        }
    }

    private Task<int> ShowAsync(ParseResult parsed) =>
        // Signals are ours (StopSignals); help and version need none.
        parsed.InvokeAsync(new InvocationConfiguration { Output = Streams.Out, Error = Streams.Error, ProcessTerminationTimeout = null });

    private int RefuseUsage(ParseResult parsed, IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0)
        {
            new HelpAction().Invoke(_root.Parse(["--help"], Parsing));
            return ExitCodes.WrongUsage;
        }
        var command = parsed.CommandResult.Command;
        var known = command.Subcommands.Select(c => c.Name).Concat(command.Options.Select(o => o.Name)).ToList();
        // What follows an unknown flag is its value, not an error of its own.
        var unknown = parsed.UnmatchedTokens.Where(token => token.StartsWith('-')).ToList();
        if (unknown.Count == 0)
            unknown.AddRange(parsed.UnmatchedTokens);
        if (unknown.Count == 0)
            return Refuse([.. parsed.Errors.Select(e => e.Message)], PathOf(command));
        var errors = unknown.Select(token => NearestName.Of(token, known) is { } nearest
            ? $"\"{Secrets.MaskUserInfo(token)}\" is not known here; did you mean {nearest}?"
            : $"\"{Secrets.MaskUserInfo(token)}\" is not known here.");
        return Refuse([.. errors], PathOf(command));
    }

    /// <summary>The command's words: <c>policy apply</c>; none for the program itself.</summary>
    private static string PathOf(Command command)
    {
        if (command is RootCommand)
            return "";
        var group = command.Parents.OfType<Command>().FirstOrDefault();
        return group is null or RootCommand ? command.Name : $"{group.Name} {command.Name}";
    }

    private int Refuse(IReadOnlyList<string> errors, string command)
    {
        foreach (var error in errors)
            Streams.Error.WriteLine($"metering: {error}");
        Streams.Error.WriteLine($"Help: metering {(command.Length == 0 ? "" : command + " ")}--help");
        return ExitCodes.WrongUsage;
    }

    private int Fail(string message, int exitCode)
    {
        Streams.Error.WriteLine($"metering: {message}");
        return exitCode;
    }
}
