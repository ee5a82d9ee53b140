using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Metering.Simulation.Leases;
using Metering.Simulation.World;
using Xunit.Runner.InProc.SystemConsole;

namespace Metering.Simulation;

/// <summary><c>./metering simulate --seeds N [--seed S] [--steps K] [--json]</c>; without <c>simulate</c>, the tests.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is not ["simulate", .. var options])
            return await ConsoleRunner.Run(args);
        var parsed = Command().Parse(options);
        var code = await parsed.InvokeAsync();
        return parsed.Errors.Count > 0 ? 2 : code; // wrong usage
    }

    private static RootCommand Command()
    {
        var seeds = new Option<int>("--seeds") { Description = "How many histories.", HelpName = "N", DefaultValueFactory = static _ => 10_000 };
        var seed = new Option<int?>("--seed") { Description = "The first history's seed; the others follow. [default: another each time, printed]", HelpName = "S" };
        var steps = new Option<int>("--steps") { Description = "Length of a history, before it is let come to rest.", HelpName = "K", DefaultValueFactory = static _ => 400 };
        var leases = new Option<bool>("--leases") { Description = "Histories of hard limits instead: governors, gateways, and what lies between them. --steps has no meaning." };
        var json = new Option<bool>("--json") { Description = "One JSON object on standard output." };
        foreach (var count in (Option<int>[])[seeds, steps])
            count.Validators.Add(result => { if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 1) result.AddError($"{count.Name} must be 1 or more."); });
        var command = new RootCommand("Plays seeded histories of METER and SINK under a Kafka and a ClickHouse that fail, in virtual time, and checks the rules of exactness after each step.") { seeds, seed, steps, leases, json };
        command.SetAction(parsed =>
        {
            var first = parsed.GetValue(seed) ?? Random.Shared.Next(1_000_000_000);
            return parsed.GetValue(leases)
                ? RunLeases(first, parsed.GetValue(seeds), parsed.GetValue(json))
                : Run(first, parsed.GetValue(seeds), parsed.GetValue(steps), parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(int first, int seeds, int steps, bool json) => Report(() => Histories.Run(first, seeds, steps, CancellationToken.None), (moves, seconds) => json
        ? JsonSerializer.Serialize(new { simulated = seeds, seed = first, steps = moves, seconds })
        : string.Create(CultureInfo.InvariantCulture, $"{seeds} histories from seed {first}, {moves} steps, in {seconds} s: every event once, none lost, all accounts add up"));

    private static int RunLeases(int first, int seeds, bool json) => Report(
        () => Histories.Run(first, seeds, static seed => LeaseHistory.Run(seed).Served, CancellationToken.None),
        (served, seconds) => json
            ? JsonSerializer.Serialize(new { simulated = seeds, seed = first, served, seconds })
            : string.Create(CultureInfo.InvariantCulture, $"{seeds} histories of leases from seed {first}, {served} requests served, in {seconds} s: no limit passed, no token stranded, nobody starved"));

    private static int Report(Func<long> run, Func<long, decimal, string> say)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var result = run();
            Console.Out.WriteLine(say(result, decimal.Round((decimal)Stopwatch.GetElapsedTime(started).TotalSeconds, 1)));
            return 0;
        }
        catch (SimulationFailedException failure)
        {
            Console.Error.WriteLine(failure.Message);
            return 1;
        }
    }
}
