using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Groups;

/// <summary>Committed offsets, and those pending in transactions. They never expire (R32). Under the broker's gate.</summary>
internal sealed class OffsetTable(IJournal journal) : IJournaled
{
    /// <summary>By group. A group stands here while it has an offset, committed or pending.</summary>
    private readonly Dictionary<string, GroupOffsets> _groups = new(StringComparer.Ordinal);

    /// <summary>Which groups a producer's open transaction has offsets of.</summary>
    private readonly Dictionary<long, HashSet<string>> _pendingOf = [];

    private readonly EntryWriter _entry = new();

    /// <summary>Numbers commits: of an offset committed plainly and one sent in a transaction, the one that came last stays.</summary>
    private long _number;

    public IEnumerable<string> Groups => _groups.Keys;

    public bool Contains(string group) => _groups.ContainsKey(group);

    /// <summary>Journals and applies a group's commit.</summary>
    /// <returns>The entry to wait for.</returns>
    public long Commit(string group, IReadOnlyList<OffsetToCommit> offsets)
    {
        _entry.Clear();
        OffsetEntry.Write(_entry.String(group), offsets);
        var number = journal.Append(EntryKind.Offsets, _entry.Written);
        Apply(EntryKind.Offsets, _entry.Written);
        return number;
    }

    /// <summary>Journals and applies the removal of a group with all its offsets, also those pending.</summary>
    public long Delete(string group)
    {
        _entry.Clear();
        _entry.String(group);
        var number = journal.Append(EntryKind.DeleteGroup, _entry.Written);
        Apply(EntryKind.DeleteGroup, _entry.Written);
        return number;
    }

    public CommittedOffset? Find(string group, string topic, int partition) =>
        _groups.TryGetValue(group, out var found) && found.Committed.TryGetValue((topic, partition), out var offset) ? offset : null;

    public IEnumerable<KeyValuePair<(string Topic, int Partition), CommittedOffset>> Of(string group) =>
        _groups.TryGetValue(group, out var found) ? found.Committed : [];

    /// <summary>True while a transaction that is not decided holds an offset of the partition.</summary>
    public bool IsPending(string group, string topic, int partition)
    {
        if (!_groups.TryGetValue(group, out var found))
            return false;
        foreach (var pending in found.Pending.Values)
        {
            if (pending.ContainsKey((topic, partition)))
                return true;
        }
        return false;
    }

    /// <summary>Part of applying a TransactionOffsets entry.</summary>
    public void ApplyPending(long producerId, string group, IReadOnlyList<OffsetToCommit> offsets)
    {
        if (offsets.Count == 0)
            return;
        var into = OffsetsOf(group);
        if (!into.Pending.TryGetValue(producerId, out var pending))
            into.Pending.Add(producerId, pending = []);
        _number++;
        foreach (var offset in offsets)
            pending[(offset.Topic, offset.Partition)] = CommittedOffset.From(offset, _number);
        if (!_pendingOf.TryGetValue(producerId, out var groups))
            _pendingOf.Add(producerId, groups = new HashSet<string>(StringComparer.Ordinal));
        groups.Add(group);
    }

    /// <summary>Part of applying an EndTransaction entry: what was pending is committed, or forgotten.</summary>
    public void ApplyEnd(long producerId, bool commit)
    {
        if (!_pendingOf.Remove(producerId, out var groups))
            return;
        foreach (var group in groups)
        {
            if (!_groups.TryGetValue(group, out var found) || !found.Pending.Remove(producerId, out var pending))
                continue;
            foreach (var (key, offset) in pending)
            {
                if (commit && (!found.Committed.TryGetValue(key, out var committed) || committed.Number < offset.Number))
                    found.Committed[key] = offset;
            }
            DropIfEmpty(group, found);
        }
    }

    /// <summary>Part of applying the removal of a topic: a new one of the same name begins without offsets.</summary>
    public void RemoveTopic(string topic)
    {
        foreach (var (group, found) in _groups)
        {
            Remove(found.Committed, topic);
            foreach (var (producerId, pending) in found.Pending)
            {
                Remove(pending, topic);
                if (pending.Count == 0)
                    found.Pending.Remove(producerId);
            }
            DropIfEmpty(group, found);
        }
    }

    public bool Owns(EntryKind kind) => kind is EntryKind.Offsets or EntryKind.DeleteGroup;

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload)
    {
        var reader = new EntryReader(payload);
        var group = reader.String()!;
        if (kind == EntryKind.DeleteGroup)
        {
            _groups.Remove(group);
            return;
        }
        _number++;
        var committed = OffsetsOf(group).Committed;
        foreach (var offset in OffsetEntry.Read(ref reader))
            committed[(offset.Topic, offset.Partition)] = CommittedOffset.From(offset, _number);
    }

    public byte[] Save()
    {
        var writer = new EntryWriter();
        writer.Int64(_number).Int32(_groups.Count);
        foreach (var (group, offsets) in _groups)
        {
            writer.String(group);
            Write(writer, offsets.Committed);
            writer.Int32(offsets.Pending.Count);
            foreach (var (producerId, pending) in offsets.Pending)
                Write(writer.Int64(producerId), pending);
        }
        return writer.ToArray();
    }

    public void Load(ReadOnlySpan<byte> saved)
    {
        _groups.Clear();
        _pendingOf.Clear();
        var reader = new EntryReader(saved);
        _number = reader.Int64();
        for (var groups = reader.Int32(); groups > 0; groups--)
        {
            var group = reader.String()!;
            var offsets = OffsetsOf(group);
            Read(ref reader, offsets.Committed);
            for (var producers = reader.Int32(); producers > 0; producers--)
            {
                var producerId = reader.Int64();
                Read(ref reader, offsets.Pending[producerId] = []);
                if (!_pendingOf.TryGetValue(producerId, out var of))
                    _pendingOf.Add(producerId, of = new HashSet<string>(StringComparer.Ordinal));
                of.Add(group);
            }
        }
    }

    private GroupOffsets OffsetsOf(string group)
    {
        if (!_groups.TryGetValue(group, out var found))
            _groups.Add(group, found = new GroupOffsets());
        return found;
    }

    private void DropIfEmpty(string group, GroupOffsets offsets)
    {
        if (offsets.Committed.Count == 0 && offsets.Pending.Count == 0)
            _groups.Remove(group);
    }

    private static void Remove(Dictionary<(string Topic, int Partition), CommittedOffset> offsets, string topic)
    {
        foreach (var key in offsets.Keys)
        {
            if (key.Topic == topic)
                offsets.Remove(key);
        }
    }

    private static void Write(EntryWriter writer, Dictionary<(string Topic, int Partition), CommittedOffset> offsets)
    {
        writer.Int32(offsets.Count);
        foreach (var ((topic, partition), offset) in offsets)
            writer.String(topic).Int32(partition).Int64(offset.Offset).Int32(offset.LeaderEpoch).String(offset.Metadata).Int64(offset.Number);
    }

    private static void Read(ref EntryReader reader, Dictionary<(string Topic, int Partition), CommittedOffset> offsets)
    {
        for (var count = reader.Int32(); count > 0; count--)
        {
            var key = (reader.String()!, reader.Int32());
            offsets[key] = new CommittedOffset(reader.Int64(), reader.Int32(), reader.String()!, reader.Int64());
        }
    }

    private sealed class GroupOffsets
    {
        public Dictionary<(string Topic, int Partition), CommittedOffset> Committed { get; } = [];

        /// <summary>By producer: each has one transaction at most.</summary>
        public Dictionary<long, Dictionary<(string Topic, int Partition), CommittedOffset>> Pending { get; } = [];
    }
}

/// <param name="LeaderEpoch">−1 = not told.</param>
/// <param name="Number">The commit that it came with.</param>
internal readonly record struct CommittedOffset(long Offset, int LeaderEpoch, string Metadata, long Number)
{
    public static CommittedOffset From(OffsetToCommit offset, long number) =>
        new(offset.Offset, offset.LeaderEpoch, offset.Metadata ?? "", number);
}
