using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Groups;

/// <summary>A group's offsets: who may commit them, and who sees them.</summary>
internal sealed partial class GroupCoordinator
{
    /// <summary>OffsetCommit: fenced by generation, journaled. Whether topics exist is the caller's question.</summary>
    /// <returns>An error for the whole request, or none and each partition's in order; and the entry to wait for.</returns>
    public CommitAnswer Commit(CommitRequest request)
    {
        lock (_gate)
        {
            if (CheckCommit(request, isTransactional: false) is var error and not ErrorCode.None)
                return new CommitAnswer(error, [], 0);
            var group = _groups.GetValueOrDefault(request.Group);
            if (group is { State: GroupState.Stable or GroupState.PreparingRebalance } && group.Find(request.MemberId) is { } member)
                _rebalances.Heard(member);
            var (errors, accepted) = OffsetEntry.Check(request.Offsets);
            return new CommitAnswer(ErrorCode.None, errors, accepted.Count > 0 ? _offsets.Commit(request.Group, accepted) : 0);
        }
    }

    /// <summary>May this caller commit? A former member may not, whatever became of its group (R8). Under the gate.</summary>
    public ErrorCode CheckCommit(CommitRequest request, bool isTransactional)
    {
        if (_disposed)
            return ErrorCode.NotCoordinator;
        var group = _groups.GetValueOrDefault(request.Group);
        if (group is null && !_offsets.Contains(request.Group))
            return request.Generation < 0 ? ErrorCode.None : ErrorCode.IllegalGeneration;
        var isEmpty = group is null or { State: GroupState.Empty };
        if (isEmpty && request.Generation < 0)
            return ErrorCode.None;
        if (request.Generation >= 0 || request.MemberId.Length > 0 || request.InstanceId is not null)
        {
            if (group is null)
                return ErrorCode.UnknownMemberId;
            if (group.Validate(request.MemberId, request.InstanceId) is var error and not ErrorCode.None)
                return error;
            if (request.Generation != group.Generation)
                return ErrorCode.IllegalGeneration;
        }
        else if (!isTransactional)
        {
            // Not a member, while the group has some: it would overwrite what they do.
            return ErrorCode.UnknownMemberId;
        }
        return !isTransactional && group!.State == GroupState.CompletingRebalance ? ErrorCode.RebalanceInProgress : ErrorCode.None;
    }

    /// <summary>Committed offsets. Null topics = all of the group.</summary>
    /// <param name="requireStable">Partitions with an offset pending in a transaction answer UNSTABLE_OFFSET_COMMIT.</param>
    public IReadOnlyList<FetchedOffset> Fetch(string group, IReadOnlyList<(string Topic, int Partition)>? partitions, bool requireStable)
    {
        lock (_gate)
        {
            var fetched = new List<FetchedOffset>(partitions?.Count ?? 0);
            if (partitions is null)
            {
                foreach (var ((topic, partition), offset) in _offsets.Of(group))
                    fetched.Add(Fetched(group, topic, partition, offset, requireStable));
                return fetched;
            }
            foreach (var (topic, partition) in partitions)
                fetched.Add(Fetched(group, topic, partition, _offsets.Find(group, topic, partition), requireStable));
            return fetched;
        }
    }

    /// <summary>NON_EMPTY_GROUP with members, GROUP_ID_NOT_FOUND for an unknown one; and the entry to wait for.</summary>
    public (ErrorCode Error, long Entry) Delete(string group)
    {
        lock (_gate)
        {
            if (_disposed)
                return (ErrorCode.NotCoordinator, 0);
            var found = _groups.GetValueOrDefault(group);
            if (found is { State: not GroupState.Empty })
                return (ErrorCode.NonEmptyGroup, 0);
            var hasOffsets = _offsets.Contains(group);
            if (found is null && !hasOffsets)
                return (ErrorCode.GroupIdNotFound, 0);
            var entry = hasOffsets ? _offsets.Delete(group) : 0;
            if (found is not null)
                Forget(found);
            return (ErrorCode.None, entry);
        }
    }

    private FetchedOffset Fetched(string group, string topic, int partition, CommittedOffset? offset, bool requireStable)
    {
        if (requireStable && _offsets.IsPending(group, topic, partition))
            return new FetchedOffset(topic, partition, -1, -1, "", ErrorCode.UnstableOffsetCommit);
        return offset is { } committed
            ? new FetchedOffset(topic, partition, committed.Offset, committed.LeaderEpoch, committed.Metadata, ErrorCode.None)
            : new FetchedOffset(topic, partition, -1, -1, "", ErrorCode.None);
    }
}
