namespace Metering.Client.Control;

/// <summary>One record of a compacted topic, with what it was when it came.</summary>
/// <param name="Topic">Without the prefix.</param>
/// <param name="Value">Null: the key is taken back.</param>
/// <param name="IsNews">It came after the topic had been read to its end.</param>
internal sealed record ControlRecord(string Topic, int Partition, string Key, byte[]? Value, bool IsNews);
