using System.Text;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Meter;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>After warm-up an event costs no garbage, whatever its kind.</summary>
public sealed class AllocationTests
{
    private const int Events = 100_000;

    /// <summary>Past the first early commit, so that all buffers have grown.</summary>
    private const int WarmUpEvents = 60_000;

    /// <summary>The pool lets buffers go when memory is short; an event that allocates shows in every run.</summary>
    private const int Runs = 3;

    /// <summary>A closed block costs an object of its own, one in some thousand events; a buffer that the pool has let go
    /// is rented anew. An event that allocated would cost 24 bytes at the least.</summary>
    private const double MaxBytesPerEvent = 12;

    [Theory]
    [InlineData("in order")]
    [InlineData("sources by turns")]
    [InlineData("of another schema")]
    [InlineData("duplicates")]
    [InlineData("not numbered, again")]
    [InlineData("large, with tags")]
    [InlineData("with scopes of policies")]
    public async Task Process_allocates_nothing_per_event_after_warm_up(string kind)
    {
        var meter = new MeterHarness();
        meter.Registry.Schemas[11] = TokenEvent.SchemaJson.Replace("\"tags\"", "\"labels\"", StringComparison.Ordinal);
        foreach (var id in new[] { FakeRegistry.TokenEventId, 11 })
            meter.Schemas.Find(id);
        await meter.Schemas.ResolvePendingAsync(TestContext.Current.CancellationToken);
        if (kind == "with scopes of policies")
            meter.Context.Policies = TestPolicies.Matcher(TestPolicies.Of("a", TestPolicies.Each("tenant"), TestPolicies.Each("tag.team")), TestPolicies.Of("b", TestPolicies.Is("tenant", "tenant-1", "tenant-2")));
        var processor = new MeterProcessor(0, meter.Context);

        Run(processor, Records(kind, 0, WarmUpEvents));
        var bytes = long.MaxValue;
        for (var run = 0; run < Runs && bytes > MaxBytesPerEvent * Events; run++)
            bytes = Run(processor, Records(kind, WarmUpEvents + (run * Events), Events));
        TestContext.Current.TestOutputHelper?.WriteLine($"{kind}: {(double)bytes / Events:F3} bytes an event");
        Assert.Equal(0, meter.Context.Counters.Rejected);
        Assert.InRange((double)bytes / Events, 0, MaxBytesPerEvent);
    }

    private static List<(byte[] Key, byte[] Value)> Records(string kind, int from, int count)
    {
        var records = new List<(byte[], byte[])>(count);
        for (var i = from + 1; i <= from + count; i++)
        {
            var e = (kind == "sources by turns" ? Event((i + 99) / 100, $"gateway-{i % 100}") : Event(i)).With(changed => changed.Tenant = $"tenant-{i % 50}");
            if (kind == "duplicates")
                e.Sequence = 1 + (i % 3);
            if (kind == "not numbered, again")
                (e.Sequence, e.RequestId) = (0, $"r{i % 1000}");
            if (kind == "large, with tags" && i % 10 == 0)
                (e.User, e.Tags) = (new string('u', 500), new Dictionary<string, string>(StringComparer.Ordinal) { ["team"] = $"team-{i % 20}", ["note"] = new string('n', 900) });
            if (kind == "with scopes of policies")
                e.Tags = new Dictionary<string, string>(StringComparer.Ordinal) { ["team"] = $"team-{i % 20}" };
            records.Add((Encoding.UTF8.GetBytes(e.Source), MeterHarness.Encode(e, kind == "of another schema" ? 11 : FakeRegistry.TokenEventId)));
        }
        return records;
    }

    /// <summary>Bytes allocated by Process alone.</summary>
    private static long Run(MeterProcessor processor, List<(byte[] Key, byte[] Value)> records)
    {
        var output = new NoOutput();
        var bytes = 0L;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < records.Count; i++)
        {
            processor.Process(new InputRecord { Partition = 0, Offset = i, ArrivedAtMs = NowMicros / 1000, Key = records[i].Key, Value = records[i].Value });
            if (!processor.WantsCommit)
                continue;
            bytes += GC.GetAllocatedBytesForCurrentThread() - before;
            processor.OnCommit(MeterHarness.Start, output);
            before = GC.GetAllocatedBytesForCurrentThread();
        }
        bytes += GC.GetAllocatedBytesForCurrentThread() - before;
        processor.OnCommit(MeterHarness.Start, output);
        return bytes;
    }

    private sealed class NoOutput : ITransactionOutput
    {
        public void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null)
        {
        }

        public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
        }
    }
}
