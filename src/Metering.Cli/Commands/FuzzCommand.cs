using System.CommandLine;
using System.Globalization;
using Metering.Gateway.Requests.Fuzz;
using Metering.LocalBroker.Wire.Fuzz;

namespace Metering.Cli.Commands;

/// <summary>Throws hostile input at one parser that faces the network. A seed and a case number reproduce what it finds.</summary>
public sealed class FuzzCommand : MeteringCommand
{
    private const string Broker = "broker", Requests = "requests";

    private readonly Argument<string> _name = new("name") { Description = "What is attacked: broker (the local broker's protocol) or requests (bodies of chat requests at the gateway)." };
    private readonly Option<long> _cases = new("--cases") { Description = "How many inputs.", HelpName = "N", DefaultValueFactory = static _ => 100_000 };
    private readonly Option<int?> _seed = new("--seed") { Description = "Of the inputs. [default: another each time, printed]", HelpName = "S" };

    public FuzzCommand()
        : base("fuzz", "Throw hostile input at one parser: no crash, no hang, no growth.")
    {
        Arguments.Add(_name);
        Options.Add(_cases);
        Options.Add(_seed);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var name = context.Parsed.GetRequiredValue(_name);
        if (name is not (Broker or Requests))
            throw new WrongUsageException($"there is no parser '{name}' to attack; there are: {Broker}, {Requests}.");
        var cases = context.Parsed.GetValue(_cases);
        if (cases < 1)
            throw new WrongUsageException($"--cases is {cases}; give 1 or more.");
        var seed = context.Parsed.GetValue(_seed) ?? Random.Shared.Next();
        context.Output.Note($"seed {seed}");
        try
        {
            var started = context.Time.GetTimestamp();
            var line = name == Broker ? await BrokerAsync(seed, cases, cancellationToken) : await RequestsAsync(seed, cases, cancellationToken);
            line = line with { Seconds = decimal.Round((decimal)context.Time.GetElapsedTime(started).TotalSeconds, 1) };
            context.Output.Line(line, CommandJson.Default.FuzzLine, static line => line.ToText());
            return ExitCodes.Done;
        }
        catch (Exception failure) when (failure is WireFuzzException or ChatRequestFuzzException)
        {
            throw new CommandFailedException(failure.Message, failure);
        }
    }

    private static async Task<FuzzLine> BrokerAsync(int seed, long cases, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("metering-fuzz-");
        try
        {
            var result = await WireFuzz.RunAsync(seed, cases, folder.FullName, cancellationToken);
            return new FuzzLine(Broker, seed, result.Cases, result.Answered, result.Refused, result.GrownBytes, 0);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<FuzzLine> RequestsAsync(int seed, long cases, CancellationToken cancellationToken)
    {
        var result = await ChatRequestFuzz.RunAsync(seed, cases, cancellationToken);
        return new FuzzLine(Requests, seed, result.Cases, result.Parsed, result.Refused, result.GrownBytes, 0);
    }
}

/// <param name="Answered">Inputs that were taken for what they should be.</param>
/// <param name="Refused">Inputs that were not: their connection is closed, or their sender told.</param>
/// <param name="GrownBytes">The heap's growth from the first part to the last.</param>
internal sealed record FuzzLine(string Fuzz, int Seed, long Cases, long Answered, long Refused, long GrownBytes, decimal Seconds)
{
    public string ToText() => string.Create(CultureInfo.InvariantCulture,
        $"{Fuzz}: {Cases} cases in {Seconds} s (seed {Seed}): {Answered} answered, {Refused} refused, heap grown by {GrownBytes / 1024} KB");
}
