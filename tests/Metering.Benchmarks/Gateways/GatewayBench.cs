using System.Globalization;
using Metering.Benchmarks.Gateways.Load;
using Metering.Benchmarks.Gateways.Processes;

namespace Metering.Benchmarks.Gateways;

/// <summary>
/// The gateway as `metering gateway` runs it, keys, hard and soft limits, journal and events all at work, against nginx and bare
/// YARP as plain proxies and against no proxy at all, before the same mock model host. Load generator, host, Kafka with the registry,
/// the governor and every target are processes of their own on one machine: what they need of its cores, the targets lack, each
/// in the same measure but for Kafka and the governor, which only ours has. Targets take turns in each round; a figure is
/// the median of the rounds. A latency is from a request's due moment to its last byte, through a target minus direct.
/// </summary>
public static class GatewayBench
{
    private const string Bench = "gateway";
    private const int RoundCount = 5, Connections = 64, LowRate = 200, HighRate = 1_000;
    private const double SecondsAtLowRate = 3, SecondsAtHighRate = 3, SecondsSaturated = 2.5, WarmUpSeconds = 4;

    private const double ThroughputGoal = 1.2, CpuGoal = 2, P50Goal = 1.5;
    private const string ToYarp = "bare YARP 2.3", ToNginx = "nginx as a plain proxy";

    public static IReadOnlyList<Figure> Run() => OperatingSystem.IsLinux()
        ? RunAsync().GetAwaiter().GetResult()
        : [new Figure(Bench, "throughput, ratio", 0, "x", ToYarp, ThroughputGoal, Met: false, "no Linux: the generator waits by epoll, CPU and memory are read from /proc")];

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("metering-bench-gateway-");
        try
        {
            await using var fleet = await MeteringFleet.StartAsync(folder.FullName);
            await using var yarp = await YarpChild.StartAsync(folder.FullName, string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{fleet.FastPort}"));
            await using var nginx = Nginx.Find() is { } program ? await Nginx.StartAsync(program, folder.FullName, fleet.FastPort) : null;
            await using var load = LoadChild.Start();
            return await MeasureAsync(fleet, yarp, nginx, load);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<IReadOnlyList<Figure>> MeasureAsync(MeteringFleet fleet, YarpChild yarp, Nginx? nginx, LoadChild load)
    {
        var direct = new Target("direct", fleet.FastPort, []);
        var ours = new Target("gateway", fleet.GatewayPort, [fleet.GatewayId]);
        var bare = new Target("YARP", yarp.Port, [yarp.Id]);
        var plain = nginx is null ? null : new Target("nginx", nginx.Port, nginx.Ids);
        Target[] targets = plain is null ? [direct, ours, bare] : [direct, ours, bare, plain];
        var runs = new ProxyRuns(load, fleet.Secret);
        foreach (var target in targets)
            await runs.WarmUpAsync(target, Connections, WarmUpSeconds, HighRate);
        var streams = await new StreamRuns(load, fleet).RunAsync();
        for (var round = 0; round < RoundCount; round++)
        {
            foreach (var target in targets)
            {
                await runs.BeginTurnAsync(target, LowRate);
                await runs.AtRateAsync(target, LowRate, SecondsAtLowRate, round);
                await runs.AtRateAsync(target, HighRate, SecondsAtHighRate, round);
                await runs.SaturatedAsync(target, Connections, SecondsSaturated);
            }
        }
        return [.. Throughput(targets, ours, bare), .. Cpu(targets, ours, plain), .. Latency(targets, direct, ours, bare, plain), .. streams];
    }

    private static IEnumerable<Figure> Throughput(Target[] targets, Target ours, Target bare)
    {
        foreach (var target in targets)
            yield return Figure.Told(Bench, $"answers of 64 tokens at saturation: {target.Name}", target.Median(ProxyRuns.Saturated), "requests/s");
        yield return Figure.AtLeast(Bench, "throughput at saturation, ratio", ours.MedianRatio(bare, ProxyRuns.Saturated), "x", ThroughputGoal, ToYarp);
    }

    private static IEnumerable<Figure> Cpu(Target[] targets, Target ours, Target? plain)
    {
        foreach (var what in (string[])[ProxyRuns.CpuAt(HighRate), ProxyRuns.CpuSaturated])
        {
            foreach (var target in targets.Where(static target => target.Processes.Count > 0))
                yield return Figure.Told(Bench, $"{what}: {target.Name}", target.Median(what), "us/request");
            yield return plain is null ? NoNginx(what + ", ratio", "x", CpuGoal) : Figure.AtMost(Bench, what + ", ratio", ours.MedianRatio(plain, what), "x", CpuGoal, ToNginx);
        }
    }

    private static IEnumerable<Figure> Latency(Target[] targets, Target direct, Target ours, Target bare, Target? plain)
    {
        foreach (var rate in (int[])[LowRate, HighRate])
        {
            var (p50, p99) = (ProxyRuns.P50At(rate), ProxyRuns.P99At(rate));
            yield return Figure.Told(Bench, $"{p50}: direct", direct.Median(p50), "us");
            yield return Figure.Told(Bench, $"{p99}: direct", direct.Median(p99), "us");
            foreach (var target in targets.Where(target => target != direct))
            {
                yield return Figure.Told(Bench, $"added {p50}: {target.Name}", target.MedianAbove(direct, p50), "us");
                yield return Figure.Told(Bench, $"added {p99}: {target.Name}", target.MedianAbove(direct, p99), "us");
            }
            yield return plain is null
                ? NoNginx($"added {p50}, ratio", "x", P50Goal)
                : Figure.AtMost(Bench, $"added {p50}, ratio", ours.MedianAbove(direct, p50) / plain.MedianAbove(direct, p50), "x", P50Goal, ToNginx);
            yield return Figure.AtMost(Bench, $"added {p99}, ratio", ours.MedianAbove(direct, p99) / bare.MedianAbove(direct, p99), "x", 1, ToYarp);
        }
    }

    private static Figure NoNginx(string name, string unit, double goal) => new(Bench, name, 0, unit, ToNginx, goal, Met: false, "there is no nginx on PATH or in /usr/sbin");
}
