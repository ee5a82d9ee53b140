using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;
using Metering.Kafka;
using Metering.Testing;

namespace Metering.Benchmarks.Groups;

/// <summary>A member of a group in a process of its own, to be killed: it says how many partitions it has whenever that changes.</summary>
internal sealed class GroupMember : IAsyncDisposable
{
    public const string Command = "group-member";

    private const string NoInstance = "-";

    private readonly Process _process;
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly List<(int Partitions, TaskCompletionSource Reached)> _awaited = [];
    private int _partitions;

    private GroupMember(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Heard(line.Data);
        process.BeginOutputReadLine();
    }

    public static GroupMember Start(GroupKind kind, string brokers, string topic, string name)
    {
        var start = SelfProcess.Start(Command, brokers, topic, kind.Protocol.ToString(), kind.IsStatic ? name : NoInstance);
        start.RedirectStandardOutput = start.RedirectStandardInput = true;
        return new GroupMember(Process.Start(start)!);
    }

    /// <summary>Completes when the member has exactly that many partitions.</summary>
    public async Task HasAsync(int partitions)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_partitions == partitions)
                return;
            _awaited.Add((partitions, reached));
        }
        await (await Task.WhenAny(reached.Task, _failed.Task)).WaitAsync(TimeSpan.FromMinutes(2));
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>A clean stop: the member closes its consumer, as a process does on SIGTERM.</summary>
    public async Task StopAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }

    private void Heard(string? line)
    {
        lock (_gate)
        {
            if (line is null)
            {
                _failed.TrySetException(new InvalidOperationException("the member ended before it had its partitions"));
                return;
            }
            _partitions = int.Parse(line, CultureInfo.InvariantCulture);
            foreach (var (_, reached) in _awaited.Where(one => one.Partitions == _partitions))
                reached.TrySetResult();
        }
    }

    /// <summary>The member's own side.</summary>
    public static int Run(string brokers, string topic, string protocol, string instance)
    {
        var settings = new KafkaSettings { Brokers = brokers, GroupInstance = instance == NoInstance ? null : instance };
        var config = ConfigOf(settings, Enum.Parse<GroupProtocol>(protocol), topic);
        var count = 0;
        void Tell(int change) => Console.WriteLine((count += change).ToString(CultureInfo.InvariantCulture));
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config)
            .SetPartitionsAssignedHandler((_, partitions) =>
            {
                Tell(partitions.Count);
                return partitions.Select(partition => new TopicPartitionOffset(partition, Offset.Beginning));
            })
            .SetPartitionsRevokedHandler((_, partitions) => Tell(-partitions.Count))
            .SetPartitionsLostHandler((_, partitions) => Tell(-partitions.Count))
            .SetLogHandler((_, _) => { })
            .Build();
        consumer.Subscribe(topic);
        var told = Task.Run(Console.In.ReadToEnd); // the console's own asynchronous read blocks
        while (!told.IsCompleted)
            consumer.Consume(TimeSpan.FromMilliseconds(100));
        consumer.Close();
        return 0;
    }

    private static ConsumerConfig ConfigOf(KafkaSettings settings, GroupProtocol protocol, string topic)
    {
        if (protocol == GroupProtocol.Classic)
            return settings.GroupConsumer("bench-" + topic);
        // Sessions, heartbeats and assignment are the broker's with this protocol: the client may not name them.
        var config = settings.Reader();
        (config.GroupProtocol, config.GroupId) = (GroupProtocol.Consumer, "bench-" + topic);
        return config;
    }
}
