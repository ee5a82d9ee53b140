using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Metering.ClickHouse.Embedded;
using Metering.Testing;

namespace Metering.Integration.Running;

/// <summary>One test's own world on a real Kafka, or on the broker that <c>up</c> brings along: a topic prefix, a data folder, fixed
/// ports (so that a restarted <c>up</c> is found where it was), and the processes that it started.</summary>
internal sealed class Stand : IAsyncDisposable
{
    private const string LivesAtMost = "5m";

    private readonly List<MeteringProcess> _started = [];
    private readonly string[] _kafkaConfig;

    public Stand(string brokers, params string[] kafkaConfig)
    {
        Assert.SkipWhen(ChdbLibrary.TryFind() is null, "skipped: no embedded ClickHouse (METERING_LIBCHDB)");
        Brokers = brokers;
        _kafkaConfig = kafkaConfig;
        Folder = Directory.CreateTempSubdirectory("metering-integration-").FullName;
        Registry = Local(FreePort());
        ClickHouse = Local(FreePort());
    }

    /// <summary>Without a Kafka: <c>up</c> brings its own.</summary>
    public static Stand OnLocalBroker() => new(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{FreePort()}")) { HasLocalBroker = true };

    public string Brokers { get; }

    public bool HasLocalBroker { get; private init; }

    public string Prefix { get; } = KafkaFixture.UniquePrefix();

    public string Folder { get; }

    /// <summary>What this stand's commands are told; the embedded one unless a test says otherwise.</summary>
    public string Registry { get; set; }

    /// <inheritdoc cref="Registry"/>
    public string ClickHouse { get; set; }

    /// <summary>Two are several; each more costs two tasks, a transaction a second and its part of each start.</summary>
    public string Partitions { get; init; } = "2";

    public Ledger Ledger => new(ClickHouse);

    private string[] Kafka => ["--brokers", Brokers, "--topic-prefix", Prefix, .. _kafkaConfig.SelectMany(pair => (string[])["--kafka-config", pair])];

    private string[] KafkaOfUp => HasLocalBroker ? ["--kafka-port", Brokers.Split(':')[1], "--topic-prefix", Prefix] : Kafka;

    // Said at the first start only: later ones find the topics as they are.
    private string[] PartitionsOfUp => Directory.Exists(Path.Combine(Folder, "up")) ? [] : ["--partitions", Partitions];

    /// <summary>Starts <c>up</c> without a workload; <c>--registry</c> and <c>--clickhouse</c> by <paramref name="more"/>.</summary>
    public MeteringProcess Up(params string[] more) => Start([
        "up", "--json", "--workload", "none", "--for", LivesAtMost, .. KafkaOfUp, "--data", Path.Combine(Folder, "up"), .. PartitionsOfUp,
        "--registry-port", PortOf(Registry), "--clickhouse-port", PortOf(ClickHouse), "--server-port", "0", "--gateway-port", "0", "--host-port", "0", .. more]);

    public async Task<(MeteringProcess Process, Addresses Addresses)> ReadyUpAsync(params string[] more)
    {
        var up = Up(more);
        return (up, await up.ReadyAsync());
    }

    public MeteringProcess Pipeline(string name, params string[] more) => Start([
        "pipeline", "--json", "--name", name, "--for", LivesAtMost, .. Kafka, "--partitions", Partitions, "--registry", Registry, "--clickhouse", ClickHouse, "--server-port", "0",
        "--data", Path.Combine(Folder, name), .. more]);

    public MeteringProcess Replay(string file, params string[] more) => Start([
        "replay", file, "--json", .. Kafka, "--registry", Registry, "--data", Path.Combine(Folder, "replay"), .. more]);

    public async Task<Ended> ReplayedAsync(string file, params string[] more) => (await Replay(file, more).EndAsync()).Succeeded();

    public Task<Ended> VerifyAsync(string wait = "30s") => Start([
        "verify", "--json", "--wait", wait, .. Kafka, "--registry", Registry, "--clickhouse", ClickHouse]).EndAsync();

    /// <summary><c>verify</c> finds that all adds up.</summary>
    public async Task<Ended> AddsUpAsync()
    {
        var verify = await VerifyAsync();
        Assert.True(verify.ExitCode == 0 && verify.Last.GetProperty("ok").GetBoolean(), $"verify: exit {verify.ExitCode}\n{string.Join('\n', verify.Lines)}\n{Logs()}");
        return verify;
    }

    /// <summary>Through the command <c>query</c>: one line of tab-separated fields.</summary>
    public async Task<string> QueryAsync(string sql) =>
        Assert.Single((await Start(["query", sql, "--clickhouse", ClickHouse, "--format", "TSV"]).EndAsync()).Succeeded().Lines);

    /// <summary>What the processes that still run have logged, for a failure's message.</summary>
    private string Logs()
    {
        lock (_started)
            return string.Join('\n', _started.Where(process => !process.HasExited).Select(process => $"--- {process.Arguments}\n{process.Lines.LastOrDefault()}\n{process.Error}"));
    }

    /// <summary>A command of the program, killed at the end of the test if it still runs.</summary>
    public MeteringProcess Start(IEnumerable<string> arguments)
    {
        var process = MeteringProcess.Start(arguments);
        lock (_started)
            _started.Add(process);
        return process;
    }

    public static async Task UntilAsync(Func<Task<bool>> condition, TimeSpan within, string what)
    {
        for (var since = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(150))
            Assert.True(Stopwatch.GetElapsedTime(since) < within, $"not within {within}: {what}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _started)
            await process.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Below the ports that outgoing connections take, so that it is still free after a kill.</summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(12_000, 22_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                continue; // taken: another
            }
        }
    }

    private static string Local(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");

    private static string PortOf(string url) => new Uri(url).Port.ToString(CultureInfo.InvariantCulture);
}
