namespace Metering.Kafka;

/// <summary>Kafka did not answer within the time that the caller gave it: exit code 3 of operator commands.</summary>
public sealed class KafkaUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What Kafka holds contradicts what we need, and only a person can decide; the message names the fix.</summary>
public class KafkaSetupException(string message) : Exception(message);

/// <summary>The group has another member under this static member's name, and takes nothing from this one any more.</summary>
public sealed class FencedMemberException(string message) : KafkaSetupException(message);
