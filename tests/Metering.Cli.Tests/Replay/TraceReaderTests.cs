using System.Text;
using Metering.Cli.Replay;

namespace Metering.Cli.Tests.Replay;

public sealed class TraceReaderTests : IDisposable
{
    private const string Trace = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,44\n2023-11-16 18:15:50.99,396,109\n2023-11-16 18:15:49.00,5,6\n";

    private readonly TraceFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void R1_epoch_is_a_hash_of_content_and_options_the_same_on_every_machine()
    {
        // A golden value: a replay on another machine, or by the next release, must be the same duplicate.
        Assert.Equal(2243849712417648843L, Epoch(Trace));
    }

    [Fact]
    public void R1_epoch_of_a_file_and_of_its_gz_is_one() =>
        Assert.Equal(Epoch(Trace), Epoch(_folder.Write("other.csv.gz", TraceFolder.Gzip(Trace)), new TraceOptions()));

    [Fact]
    public void R1_epoch_changes_with_the_content_and_with_every_option_that_shapes_events()
    {
        var path = _folder.Write("t.csv", Trace);
        TraceOptions[] shapes =
        [
            new(),
            new() { Tenant = "a" },
            new() { Model = "a" },
            new() { Route = "a" },
            new() { Tenants = 1 },
            new() { Tenants = 2 },
            new() { Seed = 2 },
            new() { EventTime = ReplayEventTime.Trace },
            new() { ServeGenModel = "a" },
            new() { ServeGenRate = 2 },
        ];
        var epochs = shapes.Select(o => Epoch(path, o)).Append(Epoch(Trace + "2023-11-16 18:15:49.00,5,7\n")).ToList();
        Assert.Equal(epochs.Count, epochs.Distinct().Count());
        Assert.All(epochs, e => Assert.InRange(e, 1, long.MaxValue));
        // These do not change the events, only which are sent, as whom and when.
        Assert.Equal(Epoch(path, new()), Epoch(path, new() { Source = "s", Limit = 1, ServeGenRate = 1.0m }));
    }

    [Fact]
    public void TryRead_numbers_events_without_gap_and_names_requests_by_epoch_and_number()
    {
        var path = _folder.Write("my-trace.csv", Trace);
        using var reader = TraceReader.Open(path, new TraceOptions());
        var events = reader.ReadAll().Select(e => e.Event).ToList();
        Assert.Equal([1L, 2L, 3L], events.Select(e => e.Sequence));
        Assert.All(events, e => Assert.Equal(("my-trace", reader.Epoch, 0L), (e.Source, e.Epoch, e.EventTimeMicros)));
        Assert.Equal(events.Select(e => e.RequestId), Traces.All(path).Select(e => e.Event.RequestId));
        Assert.Equal(3, events.Select(e => e.RequestId).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(new TraceTotals(3, 775, 0, 159), reader.Totals);
        Assert.Equal(TraceFormat.AzureCsv, reader.Format);
    }

    [Fact]
    public void TryRead_a_line_out_of_order_keeps_its_distance_and_is_never_before_the_start()
    {
        var path = _folder.Write("t.csv", Trace + "2023-11-16 18:00:00.00,5,6\n");
        Assert.Equal([0L, 4_310_000L, 2_320_000L, 0L], Traces.All(path).Select(e => e.OffsetMicros));
    }

    [Fact]
    public void TryRead_stops_at_the_limit_with_the_same_first_events()
    {
        var path = _folder.Write("t.csv", Trace);
        var limited = Traces.All(path, new TraceOptions { Limit = 2 });
        Assert.Equal(2, limited.Count);
        Assert.Equal(Traces.All(path).Take(2).Select(e => e.Event.RequestId), limited.Select(e => e.Event.RequestId));
    }

    [Fact]
    public void TryRead_sum_beyond_63_bits_is_an_error_not_a_wrap()
    {
        var huge = long.MaxValue.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var path = _folder.Write("t.jsonl", $"{{\"input_tokens\":{huge}}}\n{{\"input_tokens\":1}}\n");
        Assert.Contains("does not fit 63 bits", Traces.Fails(path).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tenants_are_spread_by_a_Zipf_law_that_the_seed_repeats()
    {
        var text = new StringBuilder();
        for (var i = 0; i < 20_000; i++)
            text.Append("{\"tenant\":\"own\"}\n");
        var path = _folder.Write("t.jsonl", text.ToString());
        var options = new TraceOptions { Tenant = "acme", Tenants = 4, Seed = 7 };
        var tenants = Traces.All(path, options).Select(e => e.Event.Tenant).ToList();
        Assert.Equal(tenants, Traces.All(path, options).Select(e => e.Event.Tenant));
        var share = tenants.CountBy(t => t).ToDictionary(t => t.Key, t => t.Value / 20_000.0, StringComparer.Ordinal);
        // 1 : 1/2 : 1/3 : 1/4 of 25/12
        Assert.InRange(share["acme-1"], 0.46, 0.50);
        Assert.InRange(share["acme-2"], 0.22, 0.26);
        Assert.InRange(share["acme-3"], 0.14, 0.18);
        Assert.InRange(share["acme-4"], 0.10, 0.14);
    }

    [Fact]
    public void Event_time_of_a_trace_without_dates_cannot_be_kept()
    {
        var path = _folder.Write("m.jsonl", "{\"timestamp\":5,\"input_length\":1,\"output_length\":1,\"hash_ids\":[1]}");
        var error = Traces.Fails(path, new TraceOptions { EventTime = ReplayEventTime.Trace });
        Assert.Contains("use --event-time now", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Standard_input_is_read_packed_or_not_and_has_the_files_epoch()
    {
        var options = new TraceOptions { Source = "s" };
        using var plain = TraceReader.Open("-", options, () => new MemoryStream(Encoding.UTF8.GetBytes(Trace)));
        using var packed = TraceReader.Open("-", options, () => new MemoryStream(TraceFolder.Gzip(Trace)));
        Assert.Equal(Epoch(Trace), plain.Epoch);
        Assert.Equal(Epoch(Trace), packed.Epoch);
        Assert.Equal(3, plain.ReadAll().Count());
        Assert.Equal(3, packed.ReadAll().Count());
    }

    [Theory]
    [InlineData("/x/AzureTrace_2023.csv.gz", "AzureTrace_2023")]
    [InlineData("a.b.JSONL", "a.b")]
    [InlineData("/x/servegen/", "servegen")]
    [InlineData("-", "stdin")]
    public void DefaultSource_is_the_files_name(string path, string expected) => Assert.Equal(expected, TraceReader.DefaultSource(path));

    [Fact]
    public void Open_lists_every_option_out_of_range()
    {
        var options = new TraceOptions { Source = "", Epoch = 0, Tenant = "", Tenants = 0, ServeGenRate = 0, Limit = 0 };
        var error = Assert.Throws<ArgumentException>(() => TraceReader.Open("-", options, () => Stream.Null));
        foreach (var expected in (string[])["--source", "--epoch is 0", "--tenant", "--tenants is 0", "rate is 0", "limit is 0"])
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Epoch_that_is_given_is_taken()
    {
        using var reader = TraceReader.Open(_folder.Write("t.csv", Trace), new TraceOptions { Epoch = 42 });
        Assert.Equal(42, reader.Epoch);
        Assert.Equal(42, reader.ReadAll().Last().Event.Epoch);
    }

    private long Epoch(string text) => Epoch(_folder.Write("trace.csv", text), new TraceOptions());

    private static long Epoch(string path, TraceOptions options)
    {
        using var reader = TraceReader.Open(path, options);
        return reader.Epoch;
    }
}
