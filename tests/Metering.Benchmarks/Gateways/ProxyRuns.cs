using System.Globalization;
using Metering.Benchmarks.Gateways.Load;
using Metering.Benchmarks.Gateways.Processes;

namespace Metering.Benchmarks.Gateways;

/// <summary>Answers of 64 tokens in one piece, through a target: at a rate, and as many as go.</summary>
internal sealed class ProxyRuns(LoadChild load, string secret)
{
    public const string Saturated = "saturation", CpuSaturated = "CPU of a request at saturation";

    private const double BeginTurnSeconds = 0.7;

    private static readonly string Body = ChatBody.Whole(MeteringFleet.FastModel);

    public static string P50At(int rate) => string.Create(CultureInfo.InvariantCulture, $"p50 at {rate:#,0} requests/s");

    public static string P99At(int rate) => string.Create(CultureInfo.InvariantCulture, $"p99 at {rate:#,0} requests/s");

    public static string CpuAt(int rate) => string.Create(CultureInfo.InvariantCulture, $"CPU of a request at {rate:#,0} requests/s");

    /// <summary>So that what is measured later is compiled, and connections are there.</summary>
    public async Task WarmUpAsync(Target target, int connections, double seconds, int rate)
    {
        await load.RunAsync(Order(LoadKind.Closed, target, connections, seconds, 0));
        await load.RunAsync(Order(LoadKind.Rate, target, rate, seconds / 2, 0));
        await ProcessFigures.UntilQuietAsync(target.Processes);
    }

    /// <summary>Not measured: while others had their turn caches went cold, connections went, and leases were given back.</summary>
    public Task BeginTurnAsync(Target target, int rate) => load.RunAsync(Order(LoadKind.Rate, target, rate, BeginTurnSeconds, 0));

    public async Task AtRateAsync(Target target, int rate, double seconds, int round)
    {
        var (report, cpuUs) = await MeasureAsync(Order(LoadKind.Rate, target, rate, seconds, round), target);
        target.Add(P50At(rate), report.P50Us);
        target.Add(P99At(rate), report.P99Us);
        target.Add(CpuAt(rate), cpuUs);
    }

    public async Task SaturatedAsync(Target target, int connections, double seconds)
    {
        var (report, cpuUs) = await MeasureAsync(Order(LoadKind.Closed, target, connections, seconds, 0), target);
        target.Add(Saturated, report.PerSecond);
        target.Add(CpuSaturated, cpuUs);
    }

    // CPU to the end of all that the requests caused: their events may still be on their way when the last is answered.
    private async Task<(LoadReport Report, double CpuUs)> MeasureAsync(LoadOrder order, Target target)
    {
        var before = ProcessFigures.CpuMs(target.Processes);
        var report = await load.RunAsync(order);
        await ProcessFigures.UntilQuietAsync(target.Processes);
        return (report, (ProcessFigures.CpuMs(target.Processes) - before) * 1000 / report.Answered);
    }

    private LoadOrder Order(LoadKind kind, Target target, int amount, double seconds, int seed) => new(kind, target.Port, amount, seconds, seed, secret, Body);
}
