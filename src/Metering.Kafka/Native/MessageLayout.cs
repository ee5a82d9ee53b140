using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Metering.Kafka.Native;

/// <summary>
/// Whether a native message looks as we read it. Confluent.Kafka reads the same structure with a declaration of its own, which
/// it ships for the very library that it loads: both must agree in every field, or records are taken one by one by its Consume.
/// </summary>
internal static class MessageLayout
{
    private static readonly (string Theirs, string Ours)[] Fields =
    [
        ("err", nameof(Librdkafka.Message.Error)),
        ("rkt", nameof(Librdkafka.Message.Topic)),
        ("partition", nameof(Librdkafka.Message.Partition)),
        ("val", nameof(Librdkafka.Message.Value)),
        ("len", nameof(Librdkafka.Message.ValueBytes)),
        ("key", nameof(Librdkafka.Message.Key)),
        ("key_len", nameof(Librdkafka.Message.KeyBytes)),
        ("offset", nameof(Librdkafka.Message.Offset)),
    ];

    /// <summary>Null when it does; else what is not as expected.</summary>
    public static string? Difference() => Difference(typeof(ConsumerConfig).Assembly.GetType("Confluent.Kafka.Impl.rd_kafka_message"));

    internal static string? Difference(Type? theirs)
    {
        if (theirs is null)
            return "this Confluent.Kafka has no Impl.rd_kafka_message";
        foreach (var (field, ours) in Fields)
        {
            if (theirs.GetField(field, System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Public) is null)
                return $"rd_kafka_message has no field {field}";
            var (at, expected) = (Marshal.OffsetOf(theirs, field), Marshal.OffsetOf<Librdkafka.Message>(ours));
            if (at != expected)
                return $"rd_kafka_message.{field} lies at {at}, not at {expected}";
        }
        return null;
    }
}
