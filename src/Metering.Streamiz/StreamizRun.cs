using Confluent.Kafka;
using Metering.Streamiz.Clients;
using Metering.Streamiz.Tasks;
using Microsoft.Extensions.Logging;
using Streamiz.Kafka.Net;
using Streamiz.Kafka.Net.Processors;
using Streamiz.Kafka.Net.Processors.Internal;
using Streamiz.Kafka.Net.Processors.Public;
using Streamiz.Kafka.Net.SerDes;
using Streamiz.Kafka.Net.State;
using Streamiz.Kafka.Net.Stream;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Streamiz;

/// <summary>One life of a topology in Streamiz, from joining the group to its end: the input's topic → one processor with
/// one logged store in memory, exactly once, on one stream thread.</summary>
internal static class StreamizRun
{
    /// <summary>How long a poll collects records before they are handed on.</summary>
    public static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);

    /// <summary>Records of one poll at most.</summary>
    public const int MaxPollRecords = 1_000;

    /// <summary><c>max.poll.interval.ms</c>: the client's default.</summary>
    public static readonly TimeSpan MaxPoll = TimeSpan.FromMinutes(5);

    // Longer than the calls of one commit, retries included.
    private static readonly TimeSpan EndPatience = 3 * KafkaSettings.TransactionTimeout;

    /// <summary>Runs until the session fails or is told to stop.</summary>
    /// <returns>False when the stream thread did not end: its clients are left to the end of the process.</returns>
    public static async Task<bool> RunAsync(HostSession session, ILoggerFactory loggers)
    {
        var clients = new StreamizClients(session);
        var stream = new KafkaStream(Topology(session), Config(session, loggers), clients);
        stream.OnRestoreEndEvent += (changelog, _, _) => session.Restored(changelog.Partition.Value);
        stream.StateChanged += (_, state) =>
        {
            if (state == KafkaStream.State.ERROR)
                session.Fail(Failures.Kafka(ErrorCode.Local_Fail, "Streamiz has ended with an error; its log says which"));
        };
        await stream.StartAsync();
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (session.Stop.Register(stopped.SetResult))
            await Task.WhenAny(session.Failed, stopped.Task);
        // It waits for its thread, which commits what it has taken unless the session has failed.
        var end = Task.Factory.StartNew(stream.Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (await Task.WhenAny(end, Task.Delay(EndPatience, session.Time)) != end)
            return false;
        clients.Dispose();
        await end;
        return true;
    }

    private static Topology Topology(HostSession session)
    {
        var bytes = new ByteArraySerDes();
        var store = Stores.KeyValueStoreBuilder(new TaskStoreSupplier(session), bytes, bytes)
            .WithCachingDisabled()
            .WithLoggingEnabled(new Dictionary<string, string>(StringComparer.Ordinal));
        var builder = new StreamBuilder();
        builder.Stream(session.InputTopic, bytes, bytes, new ArrivalTime())
            .Process(ProcessorBuilder.New<byte[], byte[]>().Processor<TaskNode>(session).StateStore(store).Build());
        return builder.Build();
    }

    private static StreamConfig Config(HostSession session, ILoggerFactory loggers) => new()
    {
        // Streamiz calls a store's changelog ID-STORE-changelog: this is the name of our own host's.
        ApplicationId = session.Settings.TopicPrefix + "metering",
        BootstrapServers = session.Settings.Brokers,
        Guarantee = ProcessingGuarantee.EXACTLY_ONCE,
        CommitIntervalMs = (long)session.Options.CommitInterval.TotalMilliseconds,
        PollMs = (long)Poll.TotalMilliseconds,
        MaxPollRecords = MaxPollRecords,
        // The default of 1,000 with a poll of 10 ms would restore no faster than 100,000 records/s.
        MaxPollRestoringRecords = 10_000,
        MaxPollIntervalMs = (int)MaxPoll.TotalMilliseconds,
        TransactionTimeout = KafkaSettings.TransactionTimeout,
        NumStreamThreads = 1,
        DefaultKeySerDes = new ByteArraySerDes(),
        DefaultValueSerDes = new ByteArraySerDes(),
        Logger = loggers,
        OffsetCheckpointManager = new NoCheckpoints(),
        InnerExceptionHandler = e =>
        {
            // Told to stop while a record waited: what was taken before it is committed in the end.
            if (!(e is OperationCanceledException && session.Stop.IsCancellationRequested))
                session.Fail(e);
            return ExceptionHandlerResponse.FAIL;
        },
    };

    /// <summary>The broker's time. Streamiz drops a record whose time is negative.</summary>
    private sealed class ArrivalTime : ITimestampExtractor
    {
        public long Extract(ConsumeResult<object, object> record, long partitionTime) => Math.Max(0, record.Message.Timestamp.UnixTimestampMs);
    }

    /// <summary>A store in memory has none, so no file is written.</summary>
    private sealed class NoCheckpoints : IOffsetCheckpointManager
    {
        public void Configure(IStreamConfig config, TaskId taskId)
        {
        }

        public IDictionary<TopicPartition, long> Read(TaskId taskId) => new Dictionary<TopicPartition, long>();

        public void Write(TaskId taskId, IDictionary<TopicPartition, long> data)
        {
        }

        public void Destroy(TaskId taskId)
        {
        }
    }
}
