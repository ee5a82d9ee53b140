using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>The real Kafka that the expectations come from: METERING_TEST_KAFKA's, or one of the shared folder.</summary>
public sealed class RealFixture : BrokerFixture
{
    private readonly KafkaFixture _kafka = new();

    public override string Brokers => _kafka.Brokers;

    protected override async Task LaunchAsync() => await _kafka.InitializeAsync();

    public override ValueTask DisposeAsync() => _kafka.DisposeAsync();
}
