using System.Buffers.Binary;
using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Topics;

/// <summary>All topics. Members are called under the broker's gate.</summary>
internal sealed class TopicTable(LogRoom room, int defaultPartitions) : IJournaled
{
    /// <summary>In all topics: more are refused as a whole.</summary>
    public const int MostPartitions = 20_000;

    private readonly Dictionary<string, Topic> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, Topic> _byId = [];
    private readonly Dictionary<int, PartitionLog> _byOrdinal = [];
    private int _lastOrdinal;

    public IReadOnlyCollection<Topic> All => _byName.Values;

    public IReadOnlyCollection<PartitionLog> Logs => _byOrdinal.Values;

    /// <summary>Is told when a topic goes, at recovery too: what others keep by its name goes with it.</summary>
    public Action<string>? TopicDeleted { get; set; }

    public Topic? Find(string name) => _byName.GetValueOrDefault(name);

    public Topic? Find(Guid id) => _byId.GetValueOrDefault(id);

    public PartitionLog? Find(string topic, int partition) =>
        Find(topic) is { } found && (uint)partition < (uint)found.Partitions.Count ? found.Partitions[partition] : null;

    /// <param name="partitions">−1 = the broker's default.</param>
    /// <param name="replicationFactor">1 or −1; anything else is refused with the sentence that this broker never replicates.</param>
    public Outcome Create(string name, int partitions, int replicationFactor, IReadOnlyList<KeyValuePair<string, string?>> config, bool validateOnly)
    {
        var allowed = CheckNew(name, ref partitions, replicationFactor);
        if (!allowed.IsOk)
            return allowed;
        var configured = TopicConfig.Default.Change(
            [.. config.Where(pair => pair.Value is not null).Select(pair => new ConfigChange(pair.Key, ConfigOperation.Set, pair.Value))], out var valid);
        if (!configured.IsOk || validateOnly)
            return configured;
        EntryWriter entry = new();
        entry.String(name).Uuid(Guid.NewGuid()).Int32(partitions);
        WriteConfig(entry, valid);
        return Commit(EntryKind.CreateTopic, entry);
    }

    public Outcome AddPartitions(string name, int total, bool validateOnly)
    {
        if (Find(name) is not { } topic)
            return new(ErrorCode.UnknownTopicOrPartition, "This server does not host this topic-partition.");
        var more = total - topic.Partitions.Count;
        if (more <= 0)
            return new(ErrorCode.InvalidPartitions, $"The topic {name} currently has {topic.Partitions.Count} partition(s); {total} would not be an increase.");
        if (!HasRoomFor(more))
            return TooMany(more);
        return validateOnly ? Outcome.Ok : Commit(EntryKind.AddPartitions, new EntryWriter().String(name).Int32(total));
    }

    public Outcome Delete(Topic topic) => Commit(EntryKind.DeleteTopic, new EntryWriter().String(topic.Name), evenWhenFull: true);

    public Outcome Configure(Topic topic, IReadOnlyList<ConfigChange> changes, bool validateOnly)
    {
        var outcome = topic.Config.Change(changes, out var changed);
        if (!outcome.IsOk || validateOnly)
            return outcome;
        var entry = new EntryWriter().String(topic.Name);
        WriteConfig(entry, changed);
        return Commit(EntryKind.ConfigureTopic, entry, evenWhenFull: true);
    }

    public bool Owns(EntryKind kind) => kind <= EntryKind.Compacted;

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload)
    {
        if (kind == EntryKind.Batch)
        {
            _byOrdinal[BinaryPrimitives.ReadInt32LittleEndian(payload)].ApplyEntry(payload);
            return;
        }
        EntryReader reader = new(payload);
        switch (kind)
        {
            case EntryKind.CreateTopic:
                var topic = new Topic { Name = reader.String()!, Id = reader.Uuid() };
                var count = reader.Int32();
                topic.Config = ReadConfig(ref reader);
                Add(topic);
                Grow(topic, count);
                break;
            case EntryKind.AddPartitions:
                Grow(_byName[reader.String()!], reader.Int32());
                break;
            case EntryKind.DeleteTopic:
                Remove(_byName[reader.String()!]);
                break;
            case EntryKind.ConfigureTopic:
                _byName[reader.String()!].Config = ReadConfig(ref reader);
                break;
            case EntryKind.LogStart:
                _byOrdinal[reader.Int32()].ApplyStart(reader.Int64());
                break;
            case EntryKind.Compacted:
                _byOrdinal[reader.Int32()].ApplyCompacted(ref reader);
                break;
        }
    }

    public byte[] Save()
    {
        EntryWriter to = new();
        to.Int32(_lastOrdinal).Int32(_byName.Count);
        foreach (var topic in _byName.Values)
        {
            to.String(topic.Name).Uuid(topic.Id);
            WriteConfig(to, topic.Config);
            to.Int32(topic.Partitions.Count);
            foreach (var log in topic.Partitions)
            {
                to.Int32(log.Ordinal);
                log.Save(to);
            }
        }
        return to.ToArray();
    }

    public void Load(ReadOnlySpan<byte> saved)
    {
        EntryReader from = new(saved);
        _lastOrdinal = from.Int32();
        for (var topics = from.Int32(); topics > 0; topics--)
        {
            var topic = new Topic { Name = from.String()!, Id = from.Uuid() };
            topic.Config = ReadConfig(ref from);
            Add(topic);
            var logs = new PartitionLog[from.Int32()];
            for (var i = 0; i < logs.Length; i++)
            {
                logs[i] = new PartitionLog(room, topic, i, from.Int32());
                logs[i].Load(ref from);
                _byOrdinal.Add(logs[i].Ordinal, logs[i]);
            }
            topic.Partitions = logs;
        }
    }

    private Outcome CheckNew(string name, ref int partitions, int replicationFactor)
    {
        if (TopicName.Problem(name) is { } problem)
            return new(ErrorCode.InvalidTopic, problem);
        if (_byName.ContainsKey(name))
            return new(ErrorCode.TopicAlreadyExists, $"Topic '{name}' already exists.");
        if (_byName.Keys.FirstOrDefault(other => TopicName.Collide(name, other)) is { } twin)
            return new(ErrorCode.InvalidTopic, $"Topic '{name}' collides with existing topic: {twin}");
        if (partitions == -1)
            partitions = defaultPartitions;
        if (partitions <= 0)
            return new(ErrorCode.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.");
        if (replicationFactor is not (1 or -1))
        {
            return new(ErrorCode.InvalidReplicationFactor,
                $"The replication factor {replicationFactor} cannot be had: this is a broker for one machine, which never replicates. Use 1.");
        }
        return HasRoomFor(partitions) ? Outcome.Ok : TooMany(partitions);
    }

    private bool HasRoomFor(int more) => (long)_byOrdinal.Count + more <= MostPartitions;

    private Outcome TooMany(int more) =>
        new(ErrorCode.InvalidPartitions, $"{more} more partitions would make more than {MostPartitions}; there are {_byOrdinal.Count}. Nothing was created.");

    private Outcome Commit(EntryKind kind, EntryWriter entry, bool evenWhenFull = false)
    {
        if (!room.Journal.TakesRecords && !evenWhenFull)
            return new(ErrorCode.KafkaStorageError, "the broker's disk is nearly full, or cannot keep up");
        try
        {
            room.Journal.Append(kind, entry.Written);
        }
        catch (JournalFailedException failure)
        {
            return new(ErrorCode.KafkaStorageError, failure.Message);
        }
        Apply(kind, entry.Written);
        return Outcome.Ok;
    }

    private void Add(Topic topic)
    {
        _byName.Add(topic.Name, topic);
        _byId.Add(topic.Id, topic);
    }

    private void Grow(Topic topic, int total)
    {
        var logs = new PartitionLog[total];
        for (var i = 0; i < total; i++)
        {
            if (i < topic.Partitions.Count)
            {
                logs[i] = topic.Partitions[i];
                continue;
            }
            logs[i] = new PartitionLog(room, topic, i, ++_lastOrdinal);
            _byOrdinal.Add(logs[i].Ordinal, logs[i]);
        }
        topic.Partitions = logs;
    }

    private void Remove(Topic topic)
    {
        _byName.Remove(topic.Name);
        _byId.Remove(topic.Id);
        foreach (var log in topic.Partitions)
        {
            _byOrdinal.Remove(log.Ordinal);
            log.Delete();
        }
        TopicDeleted?.Invoke(topic.Name);
    }

    private static void WriteConfig(EntryWriter to, TopicConfig config)
    {
        to.Int32(config.Set.Count);
        foreach (var (name, value) in config.Set)
            to.String(name).String(value);
    }

    private static TopicConfig ReadConfig(ref EntryReader from)
    {
        Dictionary<string, string> set = new(StringComparer.Ordinal);
        for (var count = from.Int32(); count > 0; count--)
            set.Add(from.String()!, from.String()!);
        return set.Count == 0 ? TopicConfig.Default : TopicConfig.Of(set);
    }
}
