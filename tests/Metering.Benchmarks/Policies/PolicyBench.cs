using System.Diagnostics;
using System.Globalization;
using System.Text;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Benchmarks.Policies;

/// <summary>What it costs to find a request's policies among thousands: every request of a gateway pays it.</summary>
public static class PolicyBench
{
    private const string Bench = "policies";
    private const int PolicyCount = 5_000;
    private const int Requests = 1_000_000;
    private const int RoundCount = 5;

    public static IReadOnlyList<Figure> Run()
    {
        var matcher = PolicyMatcher.Create(Enumerable.Range(0, PolicyCount).Select(i => Limit($"tenant-{i}", new PolicyMatch("tenant", [Name("tenant", i)])))
            .Append(Limit("model", new PolicyMatch("tenant", [], Each: true), new PolicyMatch("model", ["large"])))
            .Append(Limit("team", new PolicyMatch("tag.team", [], Each: true))));
        var (stranger, of1, of3) = (new Call("stranger", "small", ""), new Call(Name("tenant", 77), "small", ""), new Call(Name("tenant", 78), "large", "search"));
        return
        [
            Figure.Told(Bench, $"a request that none of {PolicyCount} policies fits", Median(() => Measure(matcher, stranger, 0)), "ns"),
            Figure.Told(Bench, "one that a policy fits", Median(() => Measure(matcher, of1, 1)), "ns"),
            Figure.Told(Bench, "one that three fit, two of them with accounts of each value", Median(() => Measure(matcher, of3, 3)), "ns"),
            Figure.Told(Bench, "the extra scope of an event in METER", Median(() => MeasureExtra(matcher, of3)), "ns"),
            Figure.AtMost(Bench, "bytes allocated", Allocated(matcher, of3), "B/request", 0),
        ];
    }

    private static double Median(Func<double> measure) => Rounds.Median(Enumerable.Range(0, RoundCount + 2).Select(_ => measure()).Skip(2)); // two for tiered compilation

    private static double Measure(PolicyMatcher matcher, Call call, int expected)
    {
        var matches = new PolicyMatches();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Requests; i++)
            matcher.Match(call.Dimensions, matches);
        var elapsed = Stopwatch.GetElapsedTime(start);
        return matches.Count == expected ? elapsed.TotalNanoseconds / Requests : throw new InvalidOperationException($"{matches.Count} policies fit, not {expected}");
    }

    private static double MeasureExtra(PolicyMatcher matcher, Call call)
    {
        var names = new ExtraScopeNames();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Requests; i++)
            matcher.ExtraScopes!.Find(call.Dimensions, names);
        var elapsed = Stopwatch.GetElapsedTime(start);
        return names.Count == 1 ? elapsed.TotalNanoseconds / Requests : throw new InvalidOperationException($"{names.Count} extra scopes, not 1");
    }

    private static double Allocated(PolicyMatcher matcher, Call call)
    {
        var matches = new PolicyMatches();
        matcher.Match(call.Dimensions, matches);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            matcher.Match(call.Dimensions, matches);
        return (GC.GetAllocatedBytesForCurrentThread() - before) / 1_000.0;
    }

    private static string Name(string what, int number) => string.Create(CultureInfo.InvariantCulture, $"{what}-{number}");

    private static Policy Limit(string name, params PolicyMatch[] match) =>
        new() { Name = name, Match = match, Unit = LimitUnit.Tokens, Amount = 1_000, Per = LimitPeriod.Minute, Hard = true };

    private sealed class Call(string tenant, string model, string team)
    {
        private readonly byte[] _tenant = Encoding.UTF8.GetBytes(tenant), _model = Encoding.UTF8.GetBytes(model);
        private readonly KeyValuePair<byte[], byte[]>[] _tags = [KeyValuePair.Create("team"u8.ToArray(), Encoding.UTF8.GetBytes(team))];

        public RequestDimensions Dimensions => new() { Tenant = _tenant, Model = _model, Key = "k_1"u8, Route = "chat"u8, Tags = _tags };
    }
}
