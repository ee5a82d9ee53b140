using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Cli.Commands;

namespace Metering.Cli.Chaos;

/// <summary>A real Kafka of chaos's own, of 1 or 3 nodes, by a script that can <c>start</c>, <c>kill --node N</c>, start what is dead again, and run
/// one of Kafka's tools (<c>tool CLASS …</c>).</summary>
internal sealed class ChaosKafka : IAsyncDisposable
{
    private static readonly TimeSpan ScriptWithin = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan WholeWithin = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(5);

    private const string OffsetsTopic = "__consumer_offsets";

    private readonly string _script;
    private readonly string _folder;
    private readonly int _port;
    private readonly TimeProvider _time;
    private volatile bool _hasDead = true; // none has begun

    private ChaosKafka(string script, int nodes, string folder, int port, TimeProvider time) =>
        (_script, Nodes, _folder, _port, _time) = (script, nodes, folder, port, time);

    public int Nodes { get; }

    public string Brokers { get; private set; } = "";

    /// <exception cref="CommandFailedException">It does not come up; the message says why.</exception>
    public static async Task<ChaosKafka> StartAsync(string script, int nodes, string folder, int port, TimeProvider time, CancellationToken cancellationToken)
    {
        var kafka = new ChaosKafka(script, nodes, Directory.CreateDirectory(folder).FullName, port, time);
        try
        {
            await kafka.StartDeadAsync(cancellationToken);
            await kafka.ShortenOffsetsAsync(cancellationToken);
            return kafka;
        }
        catch
        {
            await kafka.DisposeAsync();
            throw;
        }
    }

    /// <summary>kill -9 of one node.</summary>
    /// <param name="node">1, 2, …</param>
    public async Task KillAsync(int node)
    {
        _hasDead = true;
        await RunAsync(CancellationToken.None, "kill", "--dir", _folder, "--node", Text(node));
    }

    /// <summary>Starts the nodes that are dead; all of them then answer, and every replica of every topic is in sync.</summary>
    public async Task StartDeadAsync(CancellationToken cancellationToken)
    {
        if (!_hasDead)
            return;
        Brokers = (await RunAsync(cancellationToken, "start", "--dir", _folder, "--port", Text(_port), "--brokers", Text(Nodes), "--heap", "400m")).Trim();
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Brokers }).SetLogHandler(static (_, _) => { }).Build();
        for (var since = _time.GetTimestamp(); !await Task.Run(() => IsWhole(admin), cancellationToken); await Task.Delay(LookEvery, _time, cancellationToken))
        {
            if (_time.GetElapsedTime(since) > WholeWithin)
                throw new CommandFailedException($"Kafka at {Brokers} is not whole after {WholeWithin.TotalSeconds:N0} s; its logs are in {_folder}");
        }
        _hasDead = false;
    }

    /// <summary>Keeps the topic of the groups' offsets short, as an operator's <c>offsets.topic.segment.bytes</c> would: chaos commits some hundred
    /// times a second, and only whole segments of it, 100 MB by default, are ever compacted. A node that was killed reads all of it before its groups
    /// go on, and Kafka 4.3.1 has been seen to serve what it had read so far ("out of sync with the underlying log").</summary>
    private async Task ShortenOffsetsAsync(CancellationToken cancellationToken)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Brokers }).SetLogHandler(static (_, _) => { }).Build();
        using var asker = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig { BootstrapServers = Brokers, GroupId = "chaos" }).SetLogHandler(static (_, _) => { }).Build();
        var wanted = new Dictionary<ConfigResource, List<ConfigEntry>>
        {
            [new() { Type = ResourceType.Topic, Name = OffsetsTopic }] =
            [
                new() { Name = "segment.bytes", Value = "1048576", IncrementalOperation = AlterConfigOpType.Set },
                new() { Name = "min.cleanable.dirty.ratio", Value = "0.1", IncrementalOperation = AlterConfigOpType.Set },
            ],
        };
        for (var since = _time.GetTimestamp(); ; await Task.Delay(LookEvery, _time, cancellationToken))
        {
            try
            {
                await Task.Run(() => asker.Committed([new("nothing", 0)], AnswersWithin), cancellationToken); // the first question makes the topic
                await admin.IncrementalAlterConfigsAsync(wanted);
                return;
            }
            catch (KafkaException error)
            {
                if (_time.GetElapsedTime(since) > WholeWithin)
                    throw new CommandFailedException($"{OffsetsTopic} of Kafka at {Brokers} cannot be made short: {error.Message}", error);
            }
        }
    }

    /// <summary>What an operator does about transactions that hang: a node that was killed may call one complete whose markers it never
    /// wrote (seen with Kafka 4.3.1), and nothing behind it is readable until it is aborted, in every partition that it has. That of the group's
    /// offsets comes last: until then its task waits, and cannot begin a transaction whose end would also be that of the old one.</summary>
    /// <param name="olderThan">Than any transaction may become that still has an owner.</param>
    /// <param name="cancellationToken">Ends the tool.</param>
    /// <returns>In how many partitions one was aborted.</returns>
    public async Task<int> AbortHangingAsync(TimeSpan olderThan, CancellationToken cancellationToken)
    {
        var hanging = new List<(string Topic, string Partition, string StartOffset)>();
        for (var node = 1; node <= Nodes; node++)
            hanging.AddRange(HangingRows(await ToolAsync(["find-hanging", "--broker-id", Text(node), "--max-transaction-timeout", "0"], cancellationToken), _time.GetUtcNow() - olderThan));
        // Every replica shows it, and its leader ends it.
        var all = hanging.Distinct().OrderBy(static one => one.Topic == OffsetsTopic).ToList();
        foreach (var (topic, partition, offset) in all)
            await ToolAsync(["abort", "--topic", topic, "--partition", partition, "--start-offset", offset], cancellationToken);
        return all.Count;
    }

    /// <summary>The rows of Kafka's find-hanging: topic, partition, producer id and epoch, coordinator epoch, first offset, last time (Unix ms), minutes.</summary>
    internal static IEnumerable<(string Topic, string Partition, string StartOffset)> HangingRows(string output, DateTimeOffset lastBefore) =>
        from line in output.Split('\n')
        let row = line.Split('\t', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        where row.Length == 8 && long.TryParse(row[6], NumberStyles.None, CultureInfo.InvariantCulture, out var last) && last < lastBefore.ToUnixTimeMilliseconds()
        select (row[0], row[1], row[5]);

    private Task<string> ToolAsync(string[] arguments, CancellationToken cancellationToken) =>
        RunAsync(cancellationToken, ["tool", "org.apache.kafka.tools.TransactionsCommand", "--bootstrap-server", Brokers, .. arguments]);

    public async ValueTask DisposeAsync()
    {
        for (var node = 1; node <= Nodes; node++)
        {
            if (await IsAliveAsync(node))
                await KillAsync(node);
        }
    }

    private async Task<bool> IsAliveAsync(int node) =>
        (await RunAsync(CancellationToken.None, "status", "--dir", _folder)).Split('\n').Any(line => line.StartsWith($"node {Text(node)} ", StringComparison.Ordinal) && line.Contains(" up,", StringComparison.Ordinal));

    private bool IsWhole(IAdminClient admin)
    {
        try
        {
            var metadata = admin.GetMetadata(AnswersWithin);
            return metadata.Brokers.Count == Nodes && metadata.Topics.TrueForAll(static topic => topic.Partitions.TrueForAll(static p => p.Leader >= 0 && p.InSyncReplicas.Length == p.Replicas.Length));
        }
        catch (KafkaException)
        {
            return false; // not up yet
        }
    }

    // The output goes through a file: what the script starts inherits its streams, and a pipe would not end before the broker does.
    private async Task<string> RunAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var output = Path.Combine(_folder, $"{Guid.NewGuid():N}.out"); // nodes are killed side by side
        var start = new ProcessStartInfo("bash", ["-c", "out=$1; shift; exec \"$@\" > \"$out\" 2>&1", "kafka", output, _script, .. arguments]) { UseShellExecute = false, RedirectStandardInput = true };
        // A broker that lives for seconds never earns back what its second compiler costs.
        start.Environment["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1";
        using var process = Process.Start(start)!;
        try
        {
            await process.WaitForExitAsync(cancellationToken).WaitAsync(ScriptWithin, cancellationToken);
        }
        catch (TimeoutException error)
        {
            throw new CommandFailedException($"{_script} {arguments[0]} did not end within {ScriptWithin.TotalSeconds:N0} s", error);
        }
        var text = await File.ReadAllTextAsync(output, cancellationToken);
        File.Delete(output);
        return process.ExitCode == 0 ? text : throw new CommandFailedException($"{_script} {arguments[0]} failed: {text.Trim()}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
