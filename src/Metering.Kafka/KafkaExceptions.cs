namespace Metering.Kafka;

/// <summary>Kafka did not answer within the time that the caller gave it: exit code 3 of operator commands.</summary>
public sealed class KafkaUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What Kafka holds contradicts what we need, and only a person can decide; the message names the fix.</summary>
public sealed class KafkaSetupException(string message) : Exception(message);
