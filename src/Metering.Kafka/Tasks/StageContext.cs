using Confluent.Kafka;
using Metering.Kafka.Tasks.Side;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks;

/// <summary>What the loop and the tasks of one stage share.</summary>
internal sealed class StageContext(KafkaSettings settings, TaskOptions options, IConsumer<byte[], byte[]> consumer, ILogger logger, TimeProvider time)
{
    public KafkaSettings Settings => settings;

    public TaskOptions Options => options;

    public ILogger Logger => logger;

    public TimeProvider Time => time;

    /// <summary>The group's member. Only the loop takes from its queue; tasks may ask it for offsets and metadata (R10).</summary>
    public IConsumer<byte[], byte[]> Consumer => consumer;

    public BatchPool Pool { get; } = new();

    /// <summary>Some task's full queue has room again.</summary>
    public AutoResetEvent Room { get; } = new(false);

    public string Group => settings.TopicPrefix + GroupName(options.Stage);

    public string InputTopic { get; } = settings.Topic(options.InputTopic);

    public string Changelog { get; } = settings.Topic(GroupName(options.Stage) + "-changelog");

    /// <summary>Reads the side inputs; null without any.</summary>
    public SideReader? Side { get; set; }

    /// <summary>Makes a commit fail in tests.</summary>
    public Action<CommitPoint, int>? Fault { get; init; }

    /// <summary>The stage cannot go on: something impossible happened in a task.</summary>
    public required Action<Exception> Failed { get; init; }

    /// <summary>R8: one producer a task, the same id wherever the task runs.</summary>
    public string TransactionalId(int partition) => TransactionalId(options, partition);

    public static string TransactionalId(TaskOptions options, int partition) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{GroupName(options.Stage)}-{options.InputTopic}-{partition}");

    /// <summary>A stage with side inputs keeps their positions beside its state.</summary>
    public IPartitionProcessor CreateProcessor(int partition)
    {
        var processor = options.CreateProcessor(partition);
        return options.SideTopics.Count == 0 ? processor : new SidePositions(processor);
    }

    /// <exception cref="ArgumentException">The stage's name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The commit interval is not 1 ms to 5 s.</exception>
    public static void Check(TaskOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.Stage))
            throw new ArgumentException("The stage has no name.", nameof(options));
        if (options.CommitInterval < TimeSpan.FromMilliseconds(1) || options.CommitInterval > KafkaSettings.TransactionTimeout / 2)
            throw new ArgumentOutOfRangeException(nameof(options), options.CommitInterval, $"--commit-interval must be 1 ms to {KafkaSettings.TransactionTimeout.TotalSeconds / 2} s.");
    }

    public static string GroupName(string stage) => "metering-" + stage;
}
