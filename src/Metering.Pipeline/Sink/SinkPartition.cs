namespace Metering.Pipeline.Sink;

/// <summary>Where a task begins: what the group's offset and its metadata said at takeover.</summary>
internal sealed record SinkPartition(int Partition, long Offset, SinkPlan? OpenPlan, string GroupId, string ClusterId, string TopicId);
