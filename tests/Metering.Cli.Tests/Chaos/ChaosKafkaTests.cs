using Metering.Cli.Chaos;

namespace Metering.Cli.Tests.Chaos;

public sealed class ChaosKafkaTests
{
    // As Kafka 4.3.1 prints it.
    private const string FindHanging = """
        NOTE: Picked up JDK_JAVA_OPTIONS: -XX:TieredStopAtLevel=1
        Topic                  	Partition	ProducerId	ProducerEpoch	CoordinatorEpoch	StartOffset	LastTimestamp	Duration(min)	
        chaos-1-usage-deltas   	3        	11        	11           	2               	31731      	1795852667385	6            	
        __consumer_offsets     	5        	11        	11           	2               	6291       	1795852667353	6            	
        chaos-1-metered-blocks 	2        	17        	0            	2               	1708       	1795852999000	0            	

        """;

    [Fact]
    public void HangingRows_are_those_that_have_hung_for_long()
    {
        var rows = ChaosKafka.HangingRows(FindHanging, DateTimeOffset.FromUnixTimeMilliseconds(1_795_852_700_000)).ToList();
        Assert.Equal([("chaos-1-usage-deltas", "3", "31731"), ("__consumer_offsets", "5", "6291")], rows);
    }
}
