using System.Collections.Concurrent;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Kafka.Snapshots;
using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tests.Snapshots;

/// <summary>
/// R8, R9: a takeover from a snapshot file goes on exactly where one from the changelog would, and a file that is not
/// provably the state at the committed offset is thrown away. Each record's number shows state that does not fit.
/// </summary>
public sealed class SnapshotTakeoverTests(KafkaFixture kafka) : IDisposable
{
    private const int Used = 2233, ThrownAway = 2234;

    private readonly string _folder = Directory.CreateTempSubdirectory("snapshots").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task R8_R9_A_restart_takes_its_state_from_its_snapshot_also_when_it_was_elsewhere_meanwhile()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        string here = Path.Combine(_folder, "here"), there = Path.Combine(_folder, "there");
        Assert.Empty(await RunAsync(bench, here, 1_000));
        Assert.Equal([Used, Used], await RunAsync(bench, here, 500));
        Assert.Empty(await RunAsync(bench, there, 700)); // another machine: it has no file
        Assert.Equal([Used, Used], await RunAsync(bench, here, 300)); // an older generation, and the changelog behind it
        Assert.Equal([Used, Used], await RunAsync(bench, there, 300));
        await bench.ExpectEachOnceAsync();
    }

    [Fact]
    public async Task R8_R9_Snapshots_of_a_task_at_work_are_of_what_it_has_committed_whatever_fails()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        var log = new LineLog();
        CommitPoint[] points = [CommitPoint.AfterSend, CommitPoint.AfterOffsets, CommitPoint.AfterCommit];
        var (commits, failures) = (0, 0);
        for (var round = 1; round <= 2; round++)
        {
            // Each third commit fails, at each point in turn: with a mark in its transaction, or the end noted for the next one.
            await using var stage = bench.StartWithSnapshots(_folder, log, TimeSpan.FromMilliseconds(1), (where, _) =>
            {
                commits += where == CommitPoint.BeforeSend ? 1 : 0;
                if (commits % 3 != 0 || where != points[Volatile.Read(ref failures) % 3])
                    return;
                Interlocked.Increment(ref failures);
                throw new KafkaException(new Error(ErrorCode.Local_TimedOut, "made by the test"));
            });
            for (var i = 0; i < 400 && Volatile.Read(ref failures) < 6 * round; i++)
            {
                await bench.ProduceAsync(20);
                await Task.Delay(60);
            }
        }
        Assert.True(failures >= 12, $"only {failures} commits failed");
        await RunAsync(bench, _folder, 50);
        await bench.ExpectEachOnceAsync();
        Assert.True(log.Count(Used) >= 1, "no takeover from a file");
        Assert.Equal(0, log.Count(ThrownAway));
    }

    [Theory]
    [InlineData("torn", "torn or damaged")]
    [InlineData("of an older version", "not a snapshot of this version")]
    [InlineData("of another changelog", "it is of elsewhere [0]")]
    [InlineData("from the future", "it is at input offset 1000000, the group has committed 1000")]
    [InlineData("of a changelog of the same name", "does not have its mark at offset")]
    [InlineData("behind the changelog's end", "it goes on at offset 900000, the changelog has 0 to")]
    [InlineData("of a position that nobody committed", "it is at input offset 3, the group has committed 1000")]
    [InlineData("older than removals are kept", "older than half of the changelog's delete.retention.ms")]
    public async Task R8_R9_A_file_that_is_not_provably_at_the_committed_offset_is_thrown_away(string what, string reason)
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await RunAsync(bench, _folder, 1_000);
        var path = Assert.Single(Directory.GetFiles(_folder));
        await SpoilAsync(bench, path, what);
        var log = new LineLog();
        await using (var stage = bench.StartWithSnapshots(_folder, log))
        {
            await stage.UntilReadyAsync();
            var line = Assert.Single(log.Lines, line => line.Id == ThrownAway).Text;
            Assert.Contains(reason, line, StringComparison.Ordinal);
            Assert.Equal(0, log.Count(Used));
            await bench.ProduceAsync(10);
            await bench.ExpectEachOnceAsync();
        }
        if (what != "older than removals are kept")
            Assert.Equal([Used], await RunAsync(bench, _folder, 10)); // the file that it wrote instead
    }

    [Fact]
    public async Task R8_A_snapshot_does_not_hide_that_state_and_offsets_do_not_belong_together()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await RunAsync(bench, _folder, 50);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.DeleteGroupsAsync([bench.Settings.Topic("metering-count")]);
        var log = new LineLog();
        await using var stage = bench.StartWithSnapshots(_folder, log);
        Assert.Contains("has committed no offset", await stage.UntilStoppedAsync(), StringComparison.Ordinal);
        Assert.Contains("the group has committed none", Assert.Single(log.Lines, line => line.Id == ThrownAway).Text, StringComparison.Ordinal);
    }

    private async Task SpoilAsync(StageBench bench, string path, string what)
    {
        var name = bench.Settings.Topic("metering-count-changelog") + " [0]";
        var point = SnapshotFile.Read(path, name, static (_, _) => { });
        switch (what)
        {
            case "torn":
                File.WriteAllBytes(path, File.ReadAllBytes(path)[..^9]);
                break;
            case "of an older version":
                var bytes = File.ReadAllBytes(path);
                bytes[7] = (byte)'0';
                System.IO.Hashing.XxHash3.Hash(bytes.AsSpan(..^8)).CopyTo(bytes, bytes.Length - 8);
                File.WriteAllBytes(path, bytes);
                break;
            case "of another changelog":
                Forge(path, "elsewhere [0]", point);
                break;
            case "from the future":
                Forge(path, name, point with { Position = 1_000_000 });
                break;
            case "of a changelog of the same name":
                Forge(path, name, point with { Id = SnapshotMark.NewId() });
                break;
            case "behind the changelog's end":
                Forge(path, name, point with { MarkOffset = 900_000 });
                break;
            case "of a position that nobody committed":
                // The mark is the transaction's last but one record; without the position's record behind it nothing tells.
                Forge(path, name, await MarkAtTheEndAsync(bench));
                break;
            default:
                using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
                {
                    var topic = new ConfigResource { Type = ResourceType.Topic, Name = bench.Settings.Topic("metering-count-changelog") };
                    await admin.IncrementalAlterConfigsAsync(new() { [topic] = [new() { Name = "delete.retention.ms", Value = "20", IncrementalOperation = AlterConfigOpType.Set }] });
                }
                break;
        }
    }

    // A mark with nothing behind it, as an older file of a later position's changelog could have it.
    private static async Task<SnapshotPoint> MarkAtTheEndAsync(StageBench bench)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(bench.Settings.Producer()).Build();
        var id = SnapshotMark.NewId();
        var written = await producer.ProduceAsync(bench.Settings.Topic("metering-count-changelog"), new() { Key = SnapshotMark.Key.ToArray(), Value = id });
        return new(written.Offset.Value, id, 3);
    }

    private static void Forge(string path, string name, SnapshotPoint point)
    {
        using var state = new SnapshotBuffer();
        state.Add("count"u8, new byte[8]);
        SnapshotFile.Write(path, name, point, state);
    }

    /// <summary>Runs until all so far are counted, stops well, and says what was logged of snapshots.</summary>
    private static async Task<IEnumerable<int>> RunAsync(StageBench bench, string folder, int records)
    {
        var log = new LineLog();
        await bench.ProduceAsync(records);
        await using (var stage = bench.StartWithSnapshots(folder, log))
        {
            await stage.UntilReadyAsync();
            await StageBench.UntilAsync(() => stage.Stage.Status.Tasks is { Count: > 0 } tasks && tasks.All(t => t.Lag == 0), "all to be counted");
        }
        return log.Lines.Select(line => line.Id).Where(id => id is > 2231 and < 2240);
    }

    private sealed class LineLog : ILogger<TransactionalStage>
    {
        public ConcurrentQueue<(int Id, string Text)> Lines { get; } = new();

        public int Count(int id) => Lines.Count(line => line.Id == id);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue((eventId.Id, formatter(state, exception)));
    }
}
