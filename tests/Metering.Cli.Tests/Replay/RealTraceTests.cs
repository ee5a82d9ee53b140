using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Metering.Cli.Replay;
using Metering.Testing;

namespace Metering.Cli.Tests.Replay;

/// <summary>Whole published traces; every expected figure is computed here by other means than the reader's.</summary>
public sealed class RealTraceTests
{
    [Fact]
    public void Azure_2023_totals_equal_a_separate_parse()
    {
        long events = 0, input = 0, output = 0;
        foreach (var row in Lines("AzureLLMInferenceTrace_conv_2023.csv.gz").Skip(1))
        {
            var fields = row.Split(',');
            events++;
            input += int.Parse(fields[1], CultureInfo.InvariantCulture);
            output += int.Parse(fields[2], CultureInfo.InvariantCulture);
        }
        Assert.Equal(19_366, events);
        Assert.Equal(new TraceTotals(events, input, 0, output), Totals("AzureLLMInferenceTrace_conv_2023.csv.gz", new TraceOptions(), out var last));
        Assert.InRange(last.OffsetMicros, 3_501_721_936, 3_501_721_938);
    }

    [Fact]
    public void Mooncake_totals_equal_a_separate_parse()
    {
        long events = 0, input = 0, output = 0, cached = 0;
        var seen = new HashSet<long>();
        foreach (var line in Lines("mooncake_synthetic_trace.jsonl.gz"))
        {
            using var json = JsonDocument.Parse(line);
            var length = json.RootElement.GetProperty("input_length").GetInt64();
            var blocks = json.RootElement.GetProperty("hash_ids").EnumerateArray().Select(b => b.GetInt64()).ToList();
            events++;
            input += length;
            output += json.RootElement.GetProperty("output_length").GetInt64();
            cached += Math.Min(length, 512L * blocks.TakeWhile(seen.Contains).Count());
            seen.UnionWith(blocks);
        }
        Assert.Equal(3_993, events);
        Assert.InRange((double)cached / input, 0.65, 0.66);
        Assert.Equal(new TraceTotals(events, input, cached, output), Totals("mooncake_synthetic_trace.jsonl.gz", new TraceOptions(), out _));
    }

    [Fact]
    public void ServeGen_samples_keep_the_published_rate_and_sizes()
    {
        var expected = 0.0;
        foreach (var row in Lines("servegen_client_windows.csv.gz").Where(l => l.StartsWith("deepseek-r1,", StringComparison.Ordinal)))
            expected += 600 * double.Parse(row.Split(',')[3], CultureInfo.InvariantCulture);

        const decimal Rate = 0.05m;
        var options = new TraceOptions { ServeGenModel = "deepseek-r1", ServeGenRate = Rate, Seed = 3 };
        using var reader = TraceReader.Open(Folder(), options);
        var events = reader.ReadAll().ToList();
        Assert.Equal(TraceFormat.ServeGen, reader.Format);
        Assert.InRange(events.Count / (expected * (double)Rate), 0.95, 1.05);
        Assert.True(events.Zip(events.Skip(1)).All(p => p.First.OffsetMicros <= p.Second.OffsetMicros), "in order of time");
        Assert.Equal("deepseek-r1", Assert.Single(events.Select(e => e.Event.Model).Distinct(StringComparer.Ordinal)));
        Assert.InRange(events.Select(e => e.Event.Tenant).Distinct(StringComparer.Ordinal).Count(), 50, 73);
        Assert.All(events, e => Assert.InRange(e.Event.ReasoningTokens, 0, e.Event.OutputTokens));

        // The busiest client's published medians over its 6 h periods lie between these.
        var rows = Lines("servegen_client_tokens.csv.gz").Select(l => l.Split(',')).Where(f => f[0] == "deepseek-r1" && f[1] == "35").ToList();
        foreach (var (field, tokens) in (IEnumerable<(string, IEnumerable<long>)>)
            [("input_tokens", OfBusiest().Select(e => e.Event.InputTokens)), ("output_tokens", OfBusiest().Select(e => e.Event.OutputTokens))])
        {
            var medians = rows.Where(f => f[3] == field).Select(f => double.Parse(f[6], CultureInfo.InvariantCulture)).ToList();
            var sorted = tokens.Order().ToList();
            Assert.InRange(sorted[sorted.Count / 2], medians.Min(), medians.Max());
        }

        IEnumerable<TraceEvent> OfBusiest() => events.Where(e => e.Event.Tenant == "deepseek-r1-client-35");
    }

    [Fact]
    public void ServeGen_is_the_same_for_a_seed_and_another_for_another_R1()
    {
        var path = SharedFolder.TryPath("data/traces/servegen_client_tokens.csv.gz");
        Assert.SkipWhen(path is null, "skipped: needs the shared folder (METERING_SHARED)");
        static List<(long, long, long, string)> Take(string path, ulong seed, out long epoch)
        {
            using var reader = TraceReader.Open(path, new TraceOptions { Seed = seed, Limit = 500 });
            epoch = reader.Epoch;
            return [.. reader.ReadAll().Select(e => (e.OffsetMicros, e.Event.InputTokens, e.Event.OutputTokens, e.Event.Tenant))];
        }
        var first = Take(path!, 1, out var firstEpoch);
        Assert.Equal(500, first.Count);
        Assert.Equal(first, Take(path!, 1, out var again));
        Assert.NotEqual(first, Take(path!, 2, out var other));
        Assert.Equal(firstEpoch, again);
        Assert.NotEqual(firstEpoch, other);
    }

    [Fact]
    public void ServeGen_unknown_model_names_those_that_there_are()
    {
        var error = Assert.Throws<TraceException>(() => TraceReader.Open(Folder(), new TraceOptions { ServeGenModel = "m-larg" }));
        Assert.Contains("deepseek-r1, m-large, m-small", error.Message, StringComparison.Ordinal);
    }

    private static TraceTotals Totals(string name, TraceOptions options, out TraceEvent last)
    {
        using var reader = TraceReader.Open(Path.Combine(Folder(), name), options);
        last = reader.ReadAll().Last();
        return reader.Totals;
    }

    private static string Folder()
    {
        var folder = SharedFolder.TryPath("data/traces");
        Assert.SkipWhen(folder is null, "skipped: needs the shared folder (METERING_SHARED)");
        return folder!;
    }

    private static IEnumerable<string> Lines(string name)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(Folder(), name)), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            yield return line;
    }
}
