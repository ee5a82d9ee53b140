using Metering.Benchmarks.Meter;
using Metering.Kafka.Tasks;
using Metering.Kafka.Topics;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter;

namespace Metering.Benchmarks.Sink;

/// <summary>Blocks of <c>metered-blocks</c> as METER's own processor makes them, its account blocks among them.</summary>
internal static class FleetBlocks
{
    public static async Task<IReadOnlyList<MeteredBlock>> MakeAsync(int events, DateTimeOffset firstAt)
    {
        var records = new FleetRecords(firstAt);
        var output = new BlockOutput();
        var processor = new MeterProcessor(0, await FleetMeter.CreateContextAsync());
        for (var offset = 0; offset < events; offset += FleetMeter.EventsPerCommit)
        {
            var interval = records.Next(FleetMeter.EventsPerCommit);
            for (var i = 0; i < interval.Length; i++)
                processor.Process(interval[i].At(offset + i));
            processor.OnCommit(DateTimeOffset.FromUnixTimeMilliseconds(interval[^1].ArrivedAtMs), output);
        }
        return output.Blocks;
    }

    private sealed class BlockOutput : ITransactionOutput
    {
        public List<MeteredBlock> Blocks { get; } = [];

        public void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null)
        {
            if (topic is TopicCatalogue.UsageDeltas or TopicCatalogue.Signals)
                return; // not SINK's
            if (topic != MeteredBlock.Topic)
                throw new InvalidOperationException($"METER sent to {topic}: the sample has a bad event");
            // Two offsets a block: a commit's marker takes one.
            Blocks.Add(MeteredBlock.Read(2L * Blocks.Count, name => headers!.First(header => header.Name == name).Value.ToArray(), value.ToArray()));
        }

        public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
        }
    }
}
