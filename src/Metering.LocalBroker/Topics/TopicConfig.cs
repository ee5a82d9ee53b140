using System.Globalization;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Topics;

/// <summary>A topic's settings by Kafka's names: those set, and the defaults of the others. Never changes; a change makes another.</summary>
internal sealed class TopicConfig
{
    private readonly SortedDictionary<string, string> _set;

    private TopicConfig(SortedDictionary<string, string> set)
    {
        _set = set;
        var policy = Text("cleanup.policy");
        Compacts = policy.Contains("compact", StringComparison.Ordinal);
        Deletes = policy.Contains("delete", StringComparison.Ordinal);
        RetentionMs = Number("retention.ms");
        RetentionBytes = Number("retention.bytes");
        SegmentBytes = Number("segment.bytes");
        MaxCompactionLagMs = Number("max.compaction.lag.ms");
        RollMs = Compacts ? Math.Min(Number("segment.ms"), MaxCompactionLagMs) : Number("segment.ms");
        MaxMessageBytes = (int)Number("max.message.bytes");
        IsLogAppendTime = Text("message.timestamp.type") == "LogAppendTime";
        TimestampBeforeMaxMs = Number("message.timestamp.before.max.ms");
        TimestampAfterMaxMs = Number("message.timestamp.after.max.ms");
        MinCleanableRatio = double.Parse(Text("min.cleanable.dirty.ratio"), CultureInfo.InvariantCulture);
        DeleteRetentionMs = Number("delete.retention.ms");
        MinCompactionLagMs = Number("min.compaction.lag.ms");
    }

    public static TopicConfig Default { get; } = new([]);

    public bool Compacts { get; }

    public bool Deletes { get; }

    /// <summary>−1 = for ever.</summary>
    public long RetentionMs { get; }

    /// <summary>−1 = as much as there is.</summary>
    public long RetentionBytes { get; }

    public long SegmentBytes { get; }

    /// <summary>A segment whose first batch is older takes no more.</summary>
    public long RollMs { get; }

    public int MaxMessageBytes { get; }

    public bool IsLogAppendTime { get; }

    public long TimestampBeforeMaxMs { get; }

    public long TimestampAfterMaxMs { get; }

    public double MinCleanableRatio { get; }

    public long DeleteRetentionMs { get; }

    public long MinCompactionLagMs { get; }

    public long MaxCompactionLagMs { get; }

    /// <summary>Those that are set.</summary>
    public IReadOnlyCollection<KeyValuePair<string, string>> Set => _set;

    /// <summary>Every setting that this broker knows: value, whether it is the default, and what it means.</summary>
    public IReadOnlyList<ConfigEntry> Entries =>
        [.. TopicSetting.All.Select(setting => new ConfigEntry(
            setting.Name, Text(setting.Name), !_set.ContainsKey(setting.Name), (byte)setting.Type, setting.Meaning))];

    /// <summary>From what is known to be valid.</summary>
    public static TopicConfig Of(IEnumerable<KeyValuePair<string, string>> set) =>
        new(new(set.ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal), StringComparer.Ordinal));

    /// <summary>With changes; INVALID_CONFIG says which is wrong.</summary>
    public Outcome Change(IReadOnlyList<ConfigChange> changes, out TopicConfig changed)
    {
        changed = this;
        SortedDictionary<string, string> set = new(_set, StringComparer.Ordinal);
        foreach (var change in changes)
        {
            if (TopicSetting.Find(change.Name) is not { } setting)
                return new(ErrorCode.InvalidConfig, $"Unknown topic config name: {change.Name}{TopicSetting.Nearest(change.Name)}");
            var current = set.TryGetValue(setting.Name, out var own) ? own : setting.Default;
            var result = setting.Apply(current, change, out var value);
            if (!result.IsOk)
                return result;
            if (value is null)
                set.Remove(setting.Name);
            else
                set[setting.Name] = value;
        }
        TopicConfig candidate = new(set);
        if (candidate.MinCompactionLagMs > candidate.MaxCompactionLagMs)
            return new(ErrorCode.InvalidConfig, "min.compaction.lag.ms is larger than max.compaction.lag.ms");
        changed = candidate;
        return Outcome.Ok;
    }

    private string Text(string name) => _set.TryGetValue(name, out var value) ? value : TopicSetting.Find(name)!.Default;

    private long Number(string name) => long.Parse(Text(name), CultureInfo.InvariantCulture);
}

/// <param name="Type">As DescribeConfigs numbers them: 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list.</param>
internal readonly record struct ConfigEntry(string Name, string? Value, bool IsDefault, byte Type, string Documentation);

internal enum ConfigOperation : sbyte
{
    Set = 0,
    Delete = 1,
    Append = 2,
    Subtract = 3,
}

internal readonly record struct ConfigChange(string Name, ConfigOperation Operation, string? Value);
