using System.Buffers;
using System.Text;
using Metering.Core.Sources;
using Metering.Events;
using Metering.Pipeline.Meter.Losses;
using Metering.Simulation.Kafka;

namespace Metering.Simulation.World;

/// <summary>Sources that number, forget, repeat, overtake and garble; and what must come of it, by a set and a fold.</summary>
internal sealed class Traffic(SimKafka kafka, int partitions, Random random, ReportBook book)
{
    public const int SchemaId = 7;

    private readonly HashSet<(string, long, long, string)> _seen = [];
    private readonly Dictionary<(string Source, long Epoch), long> _next = [];

    /// <summary>Valid events that must be metered, by partition, in the order of the log.</summary>
    public List<(string Source, long Epoch, long Sequence, string RequestId)>[] Metered { get; } =
        [.. Enumerable.Range(0, partitions).Select(_ => new List<(string, long, long, string)>())];

    /// <summary>Records that bear a source and epoch, repetitions included.</summary>
    public Dictionary<(string Source, long Epoch), long> Received { get; } = [];

    /// <summary>The newest report of each epoch that can be true.</summary>
    public Dictionary<(string Source, long Epoch), EpochReport> Reports { get; } = [];

    /// <summary>Epochs whose reports went back: what was told of them may begin again.</summary>
    public HashSet<(string Source, long Epoch)> TookBack { get; } = [];

    /// <summary>Distinct numbered events that came, and the highest of them.</summary>
    public Dictionary<(string Source, long Epoch), (long Count, long Highest)> Numbered { get; } = [];

    /// <summary>Records that must become dead letters.</summary>
    public int Rejected { get; private set; }

    public void Send()
    {
        if (random.Next(20) == 0)
        {
            var partition = random.Next(partitions);
            kafka.Input[partition].Append("nobody"u8.ToArray(), [1, 2, 3], [], kafka.NowMs, null);
            Rejected++;
            return;
        }
        var source = $"source-{random.Next(6)}";
        var epoch = random.Next(8) == 0 ? 2 : 1;
        var isUnnumbered = random.Next(8) == 0;
        var sequence = isUnnumbered ? 0 : Sequence((source, epoch));
        var request = isUnnumbered ? $"r{random.Next(30)}" : $"r{sequence}";
        // The same event is valid or invalid every time that it is sent.
        var isValid = (sequence + request.Length) % 7 != 3;
        Append(source, epoch, sequence, request, isValid);
    }

    /// <summary>A source says what it has published; sometimes it lies, and sometimes what cannot be.</summary>
    public void Report()
    {
        var (source, epoch) = ($"source-{random.Next(6)}", random.Next(8) == 0 ? 2L : 1L);
        var last = _next.GetValueOrDefault((source, epoch), 1) - 1;
        if (random.Next(6) == 0)
            last = random.Next(60) - 3;
        var settled = random.Next(3) == 0 ? last - random.Next(-1, 5) : last;
        var report = new EpochReport(Encoding.UTF8.GetBytes(source), epoch, kafka.NowMs, last, settled, last * 10, last * 5, IsClosed: false);
        if (!book.TryPut($"{source}/{epoch}", report, out _))
            return;
        if (Reports.TryGetValue((source, epoch), out var before) && (before.LastSequence > last || before.SettledSequence > settled))
            TookBack.Add((source, epoch));
        Reports[(source, epoch)] = report;
    }

    private long Sequence((string, long) key)
    {
        var next = _next.GetValueOrDefault(key, 1);
        switch (random.Next(10))
        {
            case 0:
            case 1: // sent again, or come late
                return Math.Max(1, next - random.Next(1, 20));
            case 2: // some are lost, or overtaken
                next += random.Next(1, 5);
                break;
        }
        _next[key] = next + 1;
        return next;
    }

    private void Append(string source, long epoch, long sequence, string request, bool isValid)
    {
        var e = new TokenEvent
        {
            Source = source,
            Epoch = epoch,
            Sequence = sequence,
            EventTimeMicros = (kafka.NowMs - 1000) * 1000,
            RequestId = request,
            Tenant = isValid ? $"tenant-{(sequence + request.Length) % 3}" : "",
            Model = "small",
            InputTokens = 10,
            OutputTokens = 5,
        };
        var key = Encoding.UTF8.GetBytes(source);
        var partition = Murmur2.PartitionOf(key, partitions);
        var value = new ArrayBufferWriter<byte>();
        WireFormat.Write(value, SchemaId, e);
        kafka.Input[partition].Append(key, value.WrittenSpan.ToArray(), [], kafka.NowMs, null);
        Received[(source, epoch)] = Received.GetValueOrDefault((source, epoch)) + 1;
        // R3 and R7: numbered by sequence within the epoch; not numbered by request, over all epochs of a source.
        if (!_seen.Add(sequence > 0 ? (source, epoch, sequence, "") : (source, 0, 0, request)))
            return;
        if (sequence > 0)
        {
            var (count, highest) = Numbered.GetValueOrDefault((source, epoch));
            Numbered[(source, epoch)] = (count + 1, Math.Max(highest, sequence));
        }
        if (isValid)
            Metered[partition].Add((source, epoch, sequence, request));
        else
            Rejected++;
    }
}
