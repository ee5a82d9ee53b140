namespace Metering.Pipeline.Sink;

/// <summary>Which cluster and which topic the blocks come from: part of every token (R18).</summary>
/// <param name="TopicId">The id that Kafka gave the topic when it was created: a topic made anew has another.</param>
public sealed record LedgerOrigin(string ClusterId, string TopicId);
