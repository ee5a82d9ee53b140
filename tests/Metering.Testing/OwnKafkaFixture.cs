namespace Metering.Testing;

/// <summary>A Kafka of our own, never METERING_TEST_KAFKA's: for tests that kill, pause and revive it.</summary>
public sealed class OwnKafkaFixture() : KafkaFixture(users: null);
