using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Xunit;

namespace Metering.Testing;

/// <summary>
/// A real Kafka for a test assembly or collection: the one named by METERING_TEST_KAFKA, else one of our own from the
/// shared folder, stopped at the end; without either, whoever asks for its brokers is skipped.
/// <code>[assembly: AssemblyFixture(typeof(KafkaFixture))]</code>
/// </summary>
public class KafkaFixture : IAsyncLifetime
{
    private readonly string? _users;
    private readonly bool _mustBeOwn;
    private string? _brokers;
    private string? _folder;
    private string? _skipReason;
    private static int _prefixes;

    public KafkaFixture() => _users = null;

    /// <param name="users"><c>name:password,…</c>: a Kafka of our own with a SASL listener and ACLs; never METERING_TEST_KAFKA's.</param>
    protected KafkaFixture(string? users) => (_users, _mustBeOwn) = (users, true);

    /// <summary>Bootstrap servers; skips the test when there is no Kafka.</summary>
    public string Brokers
    {
        get
        {
            if (_brokers is null)
                Assert.Skip(_skipReason ?? "skipped: Kafka was not started");
            return _brokers;
        }
    }

    /// <summary>The SASL_PLAINTEXT listener (mechanism PLAIN) of a Kafka with users.</summary>
    public string SaslBrokers
    {
        get
        {
            var port = int.Parse(Brokers.Split(':')[1], CultureInfo.InvariantCulture);
            return $"127.0.0.1:{(port + 2).ToString(CultureInfo.InvariantCulture)}";
        }
    }

    /// <summary>True when this Kafka is our own, so that a test may kill, pause and restart it (<see cref="ControlAsync"/>).</summary>
    public bool IsOwn => _folder is not null;

    /// <summary>A topic prefix that nothing else uses.</summary>
    public static string UniquePrefix() =>
        string.Create(CultureInfo.InvariantCulture, $"t{Guid.NewGuid().ToString("N")[..10]}-{Interlocked.Increment(ref _prefixes)}-");

    /// <summary>Creates a topic with LogAppendTime and waits until the broker serves all its partitions.</summary>
    public async Task CreateTopicAsync(string topic, int partitions = 1, params (string Name, string Value)[] config)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Brokers }).Build();
        var configs = new Dictionary<string, string>(StringComparer.Ordinal) { ["message.timestamp.type"] = "LogAppendTime" };
        foreach (var (name, value) in config)
            configs[name] = value;
        await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = partitions, ReplicationFactor = -1, Configs = configs }]);
        var deadline = Stopwatch.GetTimestamp();
        while (true)
        {
            var found = admin.GetMetadata(topic, TimeSpan.FromSeconds(10)).Topics[0];
            if (found.Partitions.Count == partitions && found.Partitions.TrueForAll(p => p.Error.Code == ErrorCode.NoError && p.Leader >= 0))
                return;
            if (Stopwatch.GetElapsedTime(deadline) > TimeSpan.FromSeconds(20))
                throw new TimeoutException($"topic {topic} has no leaders: {found.Error}");
            await Task.Delay(20);
        }
    }

    /// <summary>Runs the shared script on our own Kafka: <c>kill</c>, <c>revive</c>, <c>pause</c>, <c>resume</c>, <c>stop</c>, <c>tool …</c>.</summary>
    public async Task<string> ControlAsync(string command, params string[] arguments)
    {
        if (_folder is null)
            Assert.Skip("skipped: the Kafka named by METERING_TEST_KAFKA is not ours to control");
        string[] all = command == "tool" ? [command, .. arguments] : [command, "--dir", _folder, .. arguments];
        return await RunAsync(Script(), all);
    }

    public async ValueTask InitializeAsync()
    {
        if (!_mustBeOwn && Environment.GetEnvironmentVariable("METERING_TEST_KAFKA") is { Length: > 0 } named)
        {
            _brokers = named;
            return;
        }
        if (SharedFolder.TryPath("kafka/kafka") is not { } script)
        {
            _skipReason = "skipped: no real Kafka: set METERING_TEST_KAFKA, or METERING_SHARED to a folder with kafka/kafka";
            return;
        }
        _folder = Directory.CreateTempSubdirectory("metering-kafka-").FullName;
        try
        {
            StopWhenThisProcessEnds(script, _folder);
            string[] users = _users is null ? [] : ["--users", _users];
            var port = FreePort().ToString(CultureInfo.InvariantCulture);
            _brokers = (await RunAsync(script, ["start", "--port", port, "--dir", _folder, .. users])).Trim();
            await UntilItAnswersAsync();
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_folder is not { } folder)
            return;
        _folder = null;
        await RunAsync(Script(), ["kill", "--dir", folder], mustSucceed: false);
        Directory.Delete(folder, recursive: true);
    }

    // The port answers before the controller has elected: wait for metadata, a coordinator will follow.
    private async Task UntilItAnswersAsync()
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = _brokers }).SetLogHandler((_, _) => { }).Build();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (admin.GetMetadata(TimeSpan.FromSeconds(5)).Brokers.Count > 0)
                    return;
            }
            catch (KafkaException) when (attempt < 10)
            {
                // Not up yet: the next attempt waits again.
            }
            await Task.Delay(200);
        }
    }

    // A runner that is killed disposes nothing: a shell that watches its pid stops the broker and removes its folder.
    private static void StopWhenThisProcessEnds(string script, string folder)
    {
        const string watch = "while kill -0 \"$0\" 2>/dev/null && [ -d \"$2\" ]; do sleep 2; done; [ ! -d \"$2\" ] || { \"$1\" kill --dir \"$2\"; rm -rf \"$2\"; }";
        var start = new ProcessStartInfo("setsid") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
        foreach (var argument in (string[])["sh", "-c", watch, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), script, folder])
            start.ArgumentList.Add(argument);
        using var _ = Process.Start(start);
    }

    private static string Script() => SharedFolder.TryPath("kafka/kafka") ?? throw new InvalidOperationException("the shared folder is gone");

    // The script wants four ports in a row: the broker's, its controller's, SASL's.
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(23000, 31000);
            if (Enumerable.Range(port, 4).All(IsFree))
                return port;
        }

        static bool IsFree(int port)
        {
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }

    private static async Task<string> RunAsync(string file, string[] arguments, bool mustSucceed = true)
    {
        // The broker that the script starts inherits its streams: the output goes through a file, so that reading ends.
        var output = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo("bash") { RedirectStandardInput = true, UseShellExecute = false };
            foreach (var argument in (string[])["-c", "out=$1; shift; exec \"$@\" > \"$out\" 2>&1", "kafka", output, file, .. arguments])
                start.ArgumentList.Add(argument);
            // A broker that lives for seconds never earns back what its second compiler costs. (A tool would print the option.)
            if (arguments[0] is "start" or "revive")
                start.Environment["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1";
            using var process = Process.Start(start)!;
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
            await process.WaitForExitAsync(limit.Token);
            var text = await File.ReadAllTextAsync(output);
            return process.ExitCode == 0 || !mustSucceed ? text : throw new InvalidOperationException($"{file} {arguments[0]} failed: {text}");
        }
        finally
        {
            File.Delete(output);
        }
    }
}
