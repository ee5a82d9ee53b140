using System.Diagnostics;
using System.Globalization;
using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;

namespace Metering.Streamiz.Tests;

public sealed class KillTests(KafkaFixture kafka)
{
    private const string PrefixVariable = "METERING_CHILD_PREFIX";
    private const string PointVariable = "METERING_CHILD_POINT";

    [Fact]
    public async Task R8_R11_Kill_9_of_a_process_at_each_point_of_a_commit_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        foreach (var point in Enum.GetNames<CommitPoint>())
        {
            await bench.ProduceAsync(1_000);
            using var child = StartChild(bench, point);
            Assert.Equal(137, await EndAsync(child));
        }
        await using var stage = bench.StartStreamiz();
        await bench.ExpectEachOnceAsync();
    }

    [Fact]
    public async Task R8_R11_Kill_9_of_a_process_at_any_time_while_records_flow_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        var rounds = int.Parse(Environment.GetEnvironmentVariable("METERING_KILL_ROUNDS") ?? "4", CultureInfo.InvariantCulture);
        for (var round = 0; round < rounds; round++)
        {
            using var child = StartChild(bench, "never");
            // Its first output tells that it has taken over; then it dies somewhere in the next half second.
            var before = bench.Read(0, TimeSpan.FromSeconds(2)).Count;
            for (var i = 0; i < 300 && bench.Read(before + 1, TimeSpan.FromMilliseconds(600)).Count == before; i++)
                await bench.ProduceAsync(20);
            var start = Stopwatch.GetTimestamp();
            var life = TimeSpan.FromMilliseconds(Random.Shared.Next(500));
            while (Stopwatch.GetElapsedTime(start) < life)
                await bench.ProduceAsync(50);
            child.Kill();
            await EndAsync(child);
        }
        await using var stage = bench.StartStreamiz();
        await bench.ExpectEachOnceAsync();
    }

    // Not a test of its own: the process that the tests above start, and that is killed or kills itself in its second commit.
    [Fact(Explicit = true)]
    public async Task Child()
    {
        var prefix = Environment.GetEnvironmentVariable(PrefixVariable);
        Assert.SkipWhen(prefix is null, "skipped: it runs only as another test's process");
        var point = Environment.GetEnvironmentVariable(PointVariable)!;
        var commits = 0;
        using var bench = StageBench.Attach(new() { Brokers = kafka.Brokers, TopicPrefix = prefix! });
        await using var stage = bench.StartStreamiz(fault: (where, _) =>
        {
            if (where.ToString() != point || Interlocked.Increment(ref commits) < 2)
                return;
            using var self = Process.GetCurrentProcess();
            self.Kill();
        });
        await stage.Run.WaitAsync(TimeSpan.FromSeconds(100));
    }

    private Process StartChild(StageBench bench, string point)
    {
        var start = SelfProcess.Start("-explicit", "only", "-noColor", "-method", $"{typeof(KillTests).FullName}.{nameof(Child)}");
        start.RedirectStandardOutput = true;
        start.Environment["METERING_TEST_KAFKA"] = kafka.Brokers;
        start.Environment[PrefixVariable] = bench.Settings.TopicPrefix;
        start.Environment[PointVariable] = point;
        return Process.Start(start)!;
    }

    private static async Task<int> EndAsync(Process child)
    {
        var output = child.StandardOutput.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        await child.WaitForExitAsync(limit.Token);
        TestContext.Current.TestOutputHelper?.WriteLine(await output);
        return child.ExitCode;
    }
}
