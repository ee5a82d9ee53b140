using System.Diagnostics;
using Metering.Kafka.Tasks;
using Metering.Testing;

namespace Metering.Kafka.Tests.Tasks;

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
            await RunChildUntilItKillsItselfAsync(bench.Settings, point);
        }
        await using var stage = bench.Start();
        await bench.ExpectEachOnceAsync();
    }

    // Not a test of its own: the process that the test above starts and that dies in its second commit.
    [Fact(Explicit = true)]
    public async Task Child()
    {
        var prefix = Environment.GetEnvironmentVariable(PrefixVariable);
        Assert.SkipWhen(prefix is null, "skipped: it runs only as another test's process");
        var point = Enum.Parse<CommitPoint>(Environment.GetEnvironmentVariable(PointVariable)!);
        var commits = 0;
        using var bench = StageBench.Attach(new() { Brokers = kafka.Brokers, TopicPrefix = prefix! });
        await using var stage = bench.Start(fault: (where, _) =>
        {
            if (where != point || Interlocked.Increment(ref commits) < 2)
                return;
            using var self = Process.GetCurrentProcess();
            self.Kill();
        });
        await stage.Run.WaitAsync(TimeSpan.FromSeconds(50));
    }

    private async Task RunChildUntilItKillsItselfAsync(KafkaSettings settings, string point)
    {
        var start = SelfProcess.Start("-explicit", "only", "-noColor", "-method", $"{typeof(KillTests).FullName}.{nameof(Child)}");
        start.RedirectStandardOutput = true;
        start.Environment["METERING_TEST_KAFKA"] = kafka.Brokers;
        start.Environment[PrefixVariable] = settings.TopicPrefix;
        start.Environment[PointVariable] = point;
        using var child = Process.Start(start)!;
        var output = child.StandardOutput.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await child.WaitForExitAsync(limit.Token);
        Assert.True(child.ExitCode == 137, $"the child at {point} was not killed but ended with {child.ExitCode}: {await output}");
    }
}
