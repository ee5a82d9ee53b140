namespace Metering.Kafka.Tasks.Side;

/// <summary>A record of a side input on its way to a task.</summary>
internal sealed record SideRecord(string Topic, long Offset, long ArrivedAtMs, byte[] Key, byte[] Value);
