using System.Diagnostics;
using System.Globalization;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;

namespace Metering.Streamiz.Tests;

public sealed class KillAnyTimeTests(KafkaFixture kafka)
{
    [Fact]
    public async Task R8_R11_Kill_9_of_a_process_at_any_time_while_records_flow_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        var rounds = int.Parse(Environment.GetEnvironmentVariable("METERING_KILL_ROUNDS") ?? "4", CultureInfo.InvariantCulture);
        for (var round = 0; round < rounds; round++)
        {
            using var child = StageChild.Start(bench, "never");
            // Its first output tells that it has taken over; then it dies somewhere in the next half second.
            var before = bench.Read(0, TimeSpan.FromSeconds(2)).Count;
            for (var i = 0; i < 300 && bench.Read(before + 1, TimeSpan.FromMilliseconds(600)).Count == before; i++)
                await bench.ProduceAsync(20);
            var start = Stopwatch.GetTimestamp();
            var life = TimeSpan.FromMilliseconds(Random.Shared.Next(500));
            while (Stopwatch.GetElapsedTime(start) < life)
                await bench.ProduceAsync(50);
            child.Kill();
            await StageChild.EndAsync(child);
        }
        await using var stage = bench.StartStreamiz();
        await bench.ExpectEachOnceAsync();
    }
}
