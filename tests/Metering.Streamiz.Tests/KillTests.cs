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
    private const string Freeze = "freeze ";

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

    [Theory]
    [InlineData(nameof(CommitPoint.BeforeSend))]
    [InlineData(nameof(CommitPoint.AfterSend))]
    [InlineData(nameof(CommitPoint.AfterOffsets))]
    public async Task R8_Process_that_is_frozen_in_a_commit_and_wakes_after_the_group_went_on_adds_nothing(string point)
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        await bench.ProduceAsync(1_000);
        using var child = StartChild(bench, Freeze + point);
        await StageBench.UntilAsync(() => child.HasExited || IsFrozen(child), "the child to freeze");
        await using var successor = bench.StartStreamiz();
        await successor.UntilReadyAsync();
        await bench.ProduceAsync(1_000);
        await StageBench.UntilAsync(() => successor.Stage.Status.Tasks.Sum(t => t.Records) >= 1_000, "the successor to go on");
        Signal("CONT", child.Id);
        await bench.ProduceAsync(1_000);
        await Task.Delay(TimeSpan.FromSeconds(5));      // The zombie has its chance: it hears from the group within a heartbeat.
        await bench.ProduceAsync(1_000);
        child.Kill();
        await EndAsync(child);
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
            // Before the first there is no transaction yet that the coordinator could time out: only the group fences then.
            if (!point.EndsWith(where.ToString(), StringComparison.Ordinal) || Interlocked.Increment(ref commits) != (point == Freeze + nameof(CommitPoint.BeforeSend) ? 1 : 2))
                return;
            using var self = Process.GetCurrentProcess();
            if (point.StartsWith(Freeze, StringComparison.Ordinal))
                Signal("STOP", self.Id);
            else
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

    private static void Signal(string signal, int processId)
    {
        using var kill = Process.Start("kill", ["-" + signal, processId.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static bool IsFrozen(Process process) =>
        File.ReadAllText($"/proc/{process.Id.ToString(CultureInfo.InvariantCulture)}/stat").Split(") ")[^1].StartsWith('T');

    private static async Task<int> EndAsync(Process child)
    {
        var output = child.StandardOutput.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        await child.WaitForExitAsync(limit.Token);
        TestContext.Current.TestOutputHelper?.WriteLine(await output);
        return child.ExitCode;
    }
}
