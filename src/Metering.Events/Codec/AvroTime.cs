namespace Metering.Events;

/// <summary>Between Unix times as we hold them and DateTime, which is what Apache.Avro takes for a timestamp.</summary>
internal static class AvroTime
{
    public static object? FromMicros(long? micros) =>
        micros is { } value ? DateTime.UnixEpoch.AddTicks(checked(value * TimeSpan.TicksPerMicrosecond)) : null;

    public static object? FromMillis(long? millis) =>
        millis is { } value ? DateTime.UnixEpoch.AddTicks(checked(value * TimeSpan.TicksPerMillisecond)) : null;

    public static long ToMicros(object? value) => Ticks(value) / TimeSpan.TicksPerMicrosecond;

    public static long ToMillis(object? value) => Ticks(value) / TimeSpan.TicksPerMillisecond;

    private static long Ticks(object? value) => value is DateTime time
        ? (time.ToUniversalTime() - DateTime.UnixEpoch).Ticks
        : throw new Avro.AvroException($"a timestamp is expected, not {value?.GetType().Name ?? "null"}");
}
