using Confluent.Kafka;
using Metering.Kafka.Topics;

namespace Metering.Kafka.Tests.Topics;

/// <summary>Which of Kafka's errors are waited for: another ends the process.</summary>
public sealed class BrokerWaitTests
{
    // Seen when one of three nodes was killed: "Broker handle destroyed without termination" ended METER.
    [Theory]
    [InlineData(ErrorCode.Local_DestroyBroker)]
    [InlineData(ErrorCode.OffsetNotAvailable)]
    [InlineData(ErrorCode.FencedLeaderEpoch)]
    [InlineData(ErrorCode.UnknownLeaderEpoch)]
    [InlineData(ErrorCode.NotLeaderForPartition)]
    [InlineData(ErrorCode.Local_Transport)]
    public void IsAway_one_of_several_nodes_dies_is_waited_for_R14(ErrorCode code) =>
        Assert.True(BrokerWait.IsAway(new KafkaException(new Error(code))));

    [Theory]
    [InlineData(ErrorCode.TopicAuthorizationFailed)]
    [InlineData(ErrorCode.UnsupportedVersion)]
    public void IsAway_what_no_waiting_mends_is_told(ErrorCode code) =>
        Assert.False(BrokerWait.IsAway(new KafkaException(new Error(code))));
}
