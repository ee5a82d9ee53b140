using Confluent.Kafka;

namespace Metering.Kafka.Tasks;

/// <summary>Where a task's input begins: R8 (offsets and changelog agree) and R13 (a position never jumps).</summary>
internal static class TaskPosition
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <param name="committed">The group's stable offset, null when it has none.</param>
    /// <param name="saved">The changelog's position, null when it has none.</param>
    /// <exception cref="TaskStoppedException">They contradict each other, or the broker no longer has that offset.</exception>
    public static long Decide(StageContext context, TopicPartition source, long? committed, long? saved)
    {
        if (committed != saved)
            throw Mismatch(context, source, committed, saved);
        var range = context.Consumer.QueryWatermarkOffsets(source, Patience);
        if (committed is not { } position)
            return range.Low.Value;     // A first start begins at the beginning, by decision (R13).
        if (position < range.Low.Value || position > range.High.Value)
            throw OutOfRange(context, source, position, range);
        return position;
    }

    public static TaskStoppedException OutOfRange(StageContext context, TopicPartition source, long position, string error)
    {
        var range = context.Consumer.QueryWatermarkOffsets(source, Patience);
        return position < range.Low.Value || position > range.High.Value
            ? OutOfRange(context, source, position, range)
            : new($"{source.Topic} [{source.Partition.Value}]: reading at offset {position} failed: {error}. The broker has {range.Low.Value} to {range.High.Value}; restart this process to try again.");
    }

    private static TaskStoppedException OutOfRange(StageContext context, TopicPartition source, long position, WatermarkOffsets range) => new(
        $"{source.Topic} [{source.Partition.Value}]: the next record to read has offset {position}, the broker has {range.Low.Value} to {range.High.Value}. " +
        (position < range.Low.Value
            ? $"Records {position} to {range.Low.Value - 1} were deleted before they were read. "
            : "The topic was made anew or has lost records. ") +
        Remedy(context));

    private static TaskStoppedException Mismatch(StageContext context, TopicPartition source, long? committed, long? saved) => new(
        $"{source.Topic} [{source.Partition.Value}]: group {context.Group} has committed {Text(committed)}, the changelog {context.Changelog} says {Text(saved)}: " +
        $"state and offsets do not belong together. {Remedy(context)}");

    private static string Text(long? offset) => offset is { } value ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"offset {value}") : "no offset";

    private static string Remedy(StageContext context) =>
        $"Put back what was deleted or reset; or, to begin at the oldest record that is left without the state kept so far: stop every process of stage '{context.Options.Stage}', " +
        $"delete group {context.Group} and empty topic {context.Changelog}, and start again.";
}
