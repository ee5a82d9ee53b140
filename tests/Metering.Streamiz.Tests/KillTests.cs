using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;

namespace Metering.Streamiz.Tests;

public sealed class KillTests(KafkaFixture kafka)
{
    [Fact]
    public async Task R8_R11_Kill_9_of_a_process_at_each_point_of_a_commit_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        foreach (var point in Enum.GetNames<CommitPoint>())
        {
            await bench.ProduceAsync(1_000);
            using var child = StageChild.Start(bench, point);
            Assert.Equal(137, await StageChild.EndAsync(child));
        }
        await using var stage = bench.StartStreamiz();
        await bench.ExpectEachOnceAsync();
    }
}
