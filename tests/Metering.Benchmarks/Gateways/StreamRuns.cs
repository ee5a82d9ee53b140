using System.Globalization;
using Metering.Benchmarks.Gateways.Load;
using Metering.Benchmarks.Gateways.Processes;

namespace Metering.Benchmarks.Gateways;

/// <summary>A thousand streams at once, a token each 100 ms in each: what the gateway adds to the first token and between two, and
/// what it holds of memory for a stream.</summary>
internal sealed class StreamRuns(LoadChild load, MeteringFleet fleet)
{
    private const string Bench = "gateway", Direct = "direct, in the same rounds";
    private const int Streams = 1_000, TokensEach = 75, RoundCount = 3, Looks = 10, BeginTurnStreams = 50, BeginTurnTokens = 5, WarmUpTokens = 50;
    private const double BeginWithinSeconds = 4, AddedGoalMs = 1, MemoryGoalKb = 30;

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(150);

    private readonly Target _direct = new("direct", fleet.PacedPort, []);
    private readonly Target _ours = new("gateway", fleet.GatewayPort, [fleet.GatewayId]);

    public async Task<IReadOnlyList<Figure>> RunAsync()
    {
        // Code that streams need is compiled, and memory that this takes is there, before any is counted as theirs.
        await load.RunAsync(Order(_ours, MeteringFleet.PacedModel, BeginTurnStreams, WarmUpTokens));
        await ProcessFigures.UntilQuietAsync(_ours.Processes);
        var idleKb = ProcessFigures.ResidentKb(fleet.GatewayId);
        var busyKb = new List<double>();
        for (var round = 0; round < RoundCount; round++)
        {
            await MeasureAsync(_direct, "mock-model", null);
            // Of the first round alone: later ones find buffers of the ones before, which would flatter it.
            await MeasureAsync(_ours, MeteringFleet.PacedModel, round == 0 ? () => LookAsync(busyKb) : null);
        }
        return
        [
            Told(_direct, "time to first token, p50"), Told(_direct, "time to first token, p99"), Told(_direct, "between tokens, p99"),
            Added("time to first token, p50"), AddedAtMost("time to first token, p99"), AddedAtMost("between tokens, p99"),
            Figure.Told(Bench, "resident memory of the gateway, idle", idleKb / 1000, "MB"),
            Figure.AtMost(Bench, "memory of a stream, 1,000 at once", (Rounds.Median(busyKb) - idleKb) / Streams, "KB", MemoryGoalKb, "the gateway itself, idle after a warm-up"),
        ];
    }

    private async Task MeasureAsync(Target target, string model, Func<Task>? whenAllBegun)
    {
        await load.RunAsync(Order(target, model, BeginTurnStreams, BeginTurnTokens));
        var report = await load.RunAsync(Order(target, model, Streams, TokensEach), whenAllBegun);
        await ProcessFigures.UntilQuietAsync(_ours.Processes);
        target.Add("time to first token, p50", report.P50Us / 1e3);
        target.Add("time to first token, p99", report.P99Us / 1e3);
        target.Add("between tokens, p99", report.GapP99Us / 1e3);
    }

    // At one pace: so many a second begin.
    private LoadOrder Order(Target target, string model, int streams, int tokens) =>
        new(LoadKind.Streams, target.Port, streams, BeginWithinSeconds * streams / Streams, 0, fleet.Secret, ChatBody.Streamed(model, tokens));

    private async Task LookAsync(List<double> kb)
    {
        for (var i = 0; i < Looks; i++)
        {
            kb.Add(ProcessFigures.ResidentKb(fleet.GatewayId));
            await Task.Delay(LookEvery);
        }
    }

    private static Figure Told(Target target, string what) => Figure.Told(Bench, Name(what, target.Name), target.Median(what), "ms");

    private Figure Added(string what) => Figure.Told(Bench, Name("added " + what, _ours.Name), _ours.MedianAbove(_direct, what), "ms");

    private Figure AddedAtMost(string what) => Figure.AtMost(Bench, Name("added " + what, _ours.Name), _ours.MedianAbove(_direct, what), "ms", AddedGoalMs, Direct);

    private static string Name(string what, string target) => string.Create(CultureInfo.InvariantCulture, $"{what}, {Streams:#,0} streams: {target}");
}
