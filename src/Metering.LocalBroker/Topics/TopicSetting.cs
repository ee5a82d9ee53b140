using System.Globalization;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Topics;

/// <summary>As DescribeConfigs numbers them.</summary>
internal enum SettingType : byte
{
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
}

/// <summary>One of Kafka's settings of a topic: its default, what it takes, what it means here.</summary>
/// <param name="Values">Of a string or a list: what it may be.</param>
internal sealed record TopicSetting(
    string Name, SettingType Type, string Default, string Meaning, double Least = double.MinValue, double Most = double.MaxValue, string[]? Values = null)
{
    private const string Ignored = " Accepted; has no effect here.";

    public static IReadOnlyList<TopicSetting> All { get; } =
    [
        new("cleanup.policy", SettingType.List, "delete", "delete: by time and size; compact: keeps the last record of each key.", Values: ["delete", "compact"]),
        new("compression.gzip.level", SettingType.Int, "-1", "Level of gzip." + Ignored, -1, 9),
        new("compression.lz4.level", SettingType.Int, "9", "Level of LZ4." + Ignored, 1, 17),
        new("compression.type", SettingType.String, "producer", "Batches are kept as they are sent, whatever this says.",
            Values: ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        new("compression.zstd.level", SettingType.Int, "3", "Level of zstd." + Ignored, -131072, 22),
        new("delete.retention.ms", SettingType.Long, "86400000", "How long compaction keeps tombstones.", 0),
        new("file.delete.delay.ms", SettingType.Long, "60000", "Removed segments' files go within some seconds." + Ignored, 0),
        new("flush.messages", SettingType.Long, "9223372036854775807", "The broker's durability mode decides." + Ignored, 1),
        new("flush.ms", SettingType.Long, "9223372036854775807", "The broker's durability mode decides." + Ignored, 0),
        new("follower.replication.throttled.replicas", SettingType.List, "", "This broker never replicates." + Ignored),
        new("index.interval.bytes", SettingType.Int, "4096", "The index is in memory." + Ignored, 0, int.MaxValue),
        new("leader.replication.throttled.replicas", SettingType.List, "", "This broker never replicates." + Ignored),
        new("local.retention.bytes", SettingType.Long, "-2", "There is no remote storage." + Ignored, -2),
        new("local.retention.ms", SettingType.Long, "-2", "There is no remote storage." + Ignored, -2),
        new("max.compaction.lag.ms", SettingType.Long, "9223372036854775807", "A record is compacted at the latest after this time.", 1),
        new("max.message.bytes", SettingType.Int, "1048588", "The largest batch.", 0, int.MaxValue),
        new("message.timestamp.after.max.ms", SettingType.Long, "3600000", "How far a record's time may lie ahead.", 0),
        new("message.timestamp.before.max.ms", SettingType.Long, "9223372036854775807", "How far a record's time may lie behind.", 0),
        new("message.timestamp.type", SettingType.String, "CreateTime", "Whose clock: the producer's or the broker's.", Values: ["CreateTime", "LogAppendTime"]),
        new("min.cleanable.dirty.ratio", SettingType.Double, "0.5", "Compaction begins when this part of a log is not compacted.", 0, 1),
        new("min.compaction.lag.ms", SettingType.Long, "0", "A record is not compacted before this time.", 0),
        new("min.insync.replicas", SettingType.Int, "1", "There is one replica.", 1, 1),
        new("preallocate", SettingType.Boolean, "false", "Segments are not allocated ahead." + Ignored),
        new("remote.log.copy.disable", SettingType.Boolean, "false", "There is no remote storage." + Ignored),
        new("remote.log.delete.on.disable", SettingType.Boolean, "false", "There is no remote storage." + Ignored),
        new("remote.storage.enable", SettingType.Boolean, "false", "There is no remote storage.", Values: ["false"]),
        new("retention.bytes", SettingType.Long, "-1", "A partition's size beyond which its oldest segments go; -1 = none.", -1),
        new("retention.ms", SettingType.Long, "604800000", "The age beyond which segments go; -1 = none.", -1),
        new("segment.bytes", SettingType.Int, "1073741824", "The size at which a segment takes no more.", 14, int.MaxValue),
        new("segment.index.bytes", SettingType.Int, "10485760", "The index is in memory." + Ignored, 4, int.MaxValue),
        new("segment.jitter.ms", SettingType.Long, "0", "Segments end by segment.ms alone." + Ignored, 0),
        new("segment.ms", SettingType.Long, "604800000", "The age at which a segment takes no more.", 1),
        new("unclean.leader.election.enable", SettingType.Boolean, "false", "There is one replica." + Ignored),
    ];

    private static readonly Dictionary<string, TopicSetting> ByName = All.ToDictionary(setting => setting.Name, StringComparer.Ordinal);

    public static TopicSetting? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>"; do you mean …?", or nothing when no name is near.</summary>
    public static string Nearest(string name)
    {
        var (nearest, distance) = ("", int.MaxValue);
        foreach (var setting in All)
        {
            var d = Distance(name, setting.Name);
            if (d < distance)
                (nearest, distance) = (setting.Name, d);
        }
        return distance <= Math.Max(3, name.Length / 3) ? $"; do you mean {nearest}?" : "";
    }

    /// <param name="value">Null = back to the default.</param>
    public Outcome Apply(string current, ConfigChange change, out string? value)
    {
        value = change.Value;
        switch (change.Operation)
        {
            case ConfigOperation.Delete:
                value = null;
                return Outcome.Ok;
            case ConfigOperation.Append or ConfigOperation.Subtract when Type != SettingType.List:
                return new(ErrorCode.InvalidConfig, $"{Name} is no list: it can be set, not appended to or subtracted from");
            case ConfigOperation.Append:
                value = string.Join(',', Items(current).Union(Items(change.Value ?? ""), StringComparer.Ordinal));
                break;
            case ConfigOperation.Subtract:
                value = string.Join(',', Items(current).Except(Items(change.Value ?? ""), StringComparer.Ordinal));
                break;
        }
        if (value is null)
            return Outcome.Ok;
        value = value.Trim();
        return IsValid(value) ? Outcome.Ok : new(ErrorCode.InvalidConfig, $"Invalid value {value} for configuration {Name}: {Takes}");
    }

    private string Takes => Type switch
    {
        _ when Values is not null => "one of " + string.Join(", ", Values),
        SettingType.Boolean => "true or false",
        _ => string.Create(CultureInfo.InvariantCulture, $"a number ({Type.ToString().ToLowerInvariant()}){(Least > double.MinValue ? $" of at least {Least}" : "")}{(Most < double.MaxValue ? $" and at most {Most}" : "")}"),
    };

    private bool IsValid(string value) => Type switch
    {
        SettingType.List => Values is null || (Items(value) is [_, ..] items && Array.TrueForAll(items, item => Values.Contains(item, StringComparer.Ordinal))),
        SettingType.String => Values!.Contains(value, StringComparer.Ordinal),
        SettingType.Boolean => value is "true" or "false" && (Values is null || Values.Contains(value, StringComparer.Ordinal)),
        SettingType.Double => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var d) && d >= Least && d <= Most,
        SettingType.Long => long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var l) && l >= Least && l <= Most,
        _ => int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var i) && i >= Least && i <= Most,
    };

    private static string[] Items(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static int Distance(string a, string b)
    {
        var previous = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            previous[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
                current[j] = Math.Min(Math.Min(previous[j], current[j - 1]) + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            (previous, current) = (current, previous);
        }
        return previous[b.Length];
    }
}
