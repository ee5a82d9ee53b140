using Confluent.Kafka;
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

    /// <summary>Makes a commit fail in tests.</summary>
    public Action<CommitPoint, int>? Fault { get; init; }

    /// <summary>The stage cannot go on: something impossible happened in a task.</summary>
    public required Action<Exception> Failed { get; init; }

    /// <summary>R8: one producer a task, the same id wherever the task runs.</summary>
    public string TransactionalId(int partition) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{GroupName(options.Stage)}-{options.InputTopic}-{partition}");

    public static string GroupName(string stage) => "metering-" + stage;
}
