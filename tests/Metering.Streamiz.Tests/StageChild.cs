using System.Diagnostics;
using System.Globalization;
using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;

namespace Metering.Streamiz.Tests;

/// <summary>A stage in a process of its own that dies, or falls asleep, where a test says.</summary>
public sealed class StageChild(KafkaFixture kafka)
{
    /// <summary>Before a point's name: the process stops itself (SIGSTOP) there instead of dying.</summary>
    public const string Freeze = "freeze ";

    private const string PrefixVariable = "METERING_CHILD_PREFIX";
    private const string PointVariable = "METERING_CHILD_POINT";

    // Not a test of its own: the process that other tests start (StageChild.Start), and that is killed or kills itself in its second commit.
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

    internal static Process Start(StageBench bench, string point)
    {
        var start = SelfProcess.Start("-explicit", "only", "-noColor", "-method", $"{typeof(StageChild).FullName}.{nameof(Child)}");
        start.RedirectStandardOutput = true;
        start.Environment["METERING_TEST_KAFKA"] = bench.Settings.Brokers;
        start.Environment[PrefixVariable] = bench.Settings.TopicPrefix;
        start.Environment[PointVariable] = point;
        return Process.Start(start)!;
    }

    internal static void Signal(string signal, int processId)
    {
        using var kill = Process.Start("kill", ["-" + signal, processId.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    internal static bool IsFrozen(Process process) =>
        File.ReadAllText($"/proc/{process.Id.ToString(CultureInfo.InvariantCulture)}/stat").Split(") ")[^1].StartsWith('T');

    internal static async Task<int> EndAsync(Process child)
    {
        var output = child.StandardOutput.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        await child.WaitForExitAsync(limit.Token);
        TestContext.Current.TestOutputHelper?.WriteLine(await output);
        return child.ExitCode;
    }
}
