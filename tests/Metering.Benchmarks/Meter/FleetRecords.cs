using System.Buffers;
using System.Text;
using Metering.Benchmarks.Codec;
using Metering.Events;
using Metering.Kafka.Tasks;

namespace Metering.Benchmarks.Meter;

/// <summary>Records of <c>token-events</c> as gateways publish them: Confluent's wire format, keyed by source, every
/// source's sequence without gaps, <see cref="EventsPerSecond"/> by the events' own time.</summary>
internal sealed class FleetRecords
{
    public const int SchemaId = 1;

    /// <summary>The load that the design names for one pipeline.</summary>
    public const int EventsPerSecond = 20_000;

    private const int Cycle = 10_000;

    private readonly IReadOnlyList<TokenEvent> _cycle = SampleEvents.Create(Cycle, seed: 20261124);
    private readonly Dictionary<string, long> _sequences = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> _encoded = new();
    private readonly long _firstMicros;
    private readonly int _schemaId;
    private int _count;

    /// <param name="firstAt">The first event's time.</param>
    /// <param name="schemaId">As the registry that readers ask knows the schema.</param>
    public FleetRecords(DateTimeOffset firstAt, int schemaId = SchemaId) => (_firstMicros, _schemaId) = (firstAt.ToUnixTimeMilliseconds() * 1000, schemaId);

    public readonly record struct Encoded(byte[] Key, byte[] Value, long ArrivedAtMs)
    {
        public InputRecord At(long offset) =>
            new() { Partition = 0, Offset = offset, ArrivedAtMs = ArrivedAtMs, Key = Key, Value = Value };
    }

    /// <summary>The next records; each call goes on where the last one ended.</summary>
    public Encoded[] Next(int count)
    {
        var records = new Encoded[count];
        for (var i = 0; i < count; i++)
            records[i] = Next();
        return records;
    }

    private Encoded Next()
    {
        var e = _cycle[_count % Cycle];
        e.Sequence = _sequences[e.Source] = _sequences.GetValueOrDefault(e.Source) + 1;
        var atMicros = _firstMicros + (_count * 1_000_000L / EventsPerSecond);
        e.EventTimeMicros = atMicros;
        e.AdmittedAtMicros = atMicros - e.DurationUs;
        _count++;
        _encoded.ResetWrittenCount();
        WireFormat.Write(_encoded, _schemaId, e);
        return new Encoded(Encoding.UTF8.GetBytes(e.Source), _encoded.WrittenSpan.ToArray(), (atMicros / 1000) + 3);
    }
}
