using Metering.LocalBroker.Wire;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Groups;

/// <summary>Classic consumer groups: joining, syncing, heartbeats, leaving. Membership lives in memory: after a restart members
/// join anew. Takes the broker's gate itself.</summary>
internal sealed class GroupCoordinator
{
    public GroupCoordinator(Lock gate, OffsetTable offsets, TimeProvider time, ILogger logger)
    {
    }

    public Task<JoinAnswer> JoinAsync(JoinRequest request) => throw new NotSupportedException();

    public Task<SyncAnswer> SyncAsync(SyncRequest request) => throw new NotSupportedException();

    public ErrorCode Heartbeat(string group, int generation, string memberId, string? instanceId) => throw new NotSupportedException();

    /// <returns>The group's error, or each member's in order.</returns>
    public (ErrorCode Error, IReadOnlyList<ErrorCode> Members) Leave(string group, IReadOnlyList<(string MemberId, string? InstanceId)> members) =>
        throw new NotSupportedException();

    /// <summary>OffsetCommit: fenced by generation, journaled.</summary>
    /// <returns>An error for the whole request, or none and each partition's in order; and the entry to wait for.</returns>
    public CommitAnswer Commit(CommitRequest request) => throw new NotSupportedException();

    /// <summary>Committed offsets. Null topics = all of the group.</summary>
    /// <param name="requireStable">Partitions with an offset pending in a transaction answer UNSTABLE_OFFSET_COMMIT.</param>
    public IReadOnlyList<FetchedOffset> Fetch(string group, IReadOnlyList<(string Topic, int Partition)>? partitions, bool requireStable) =>
        throw new NotSupportedException();

    public GroupDescription Describe(string group) => throw new NotSupportedException();

    public IReadOnlyList<GroupListing> List() => throw new NotSupportedException();

    /// <summary>NON_EMPTY_GROUP with members, GROUP_ID_NOT_FOUND for an unknown one; and the entry to wait for.</summary>
    public (ErrorCode Error, long Entry) Delete(string group) => throw new NotSupportedException();
}

/// <param name="Protocols">In the member's order of preference.</param>
/// <param name="RequireKnownMemberId">A first join gets MEMBER_ID_REQUIRED and its id (JoinGroup v4+).</param>
internal sealed record JoinRequest(
    string Group, string MemberId, string? InstanceId, string ClientId, string ClientHost, int SessionTimeoutMs, int RebalanceTimeoutMs,
    string ProtocolType, IReadOnlyList<(string Name, byte[] Metadata)> Protocols, bool RequireKnownMemberId);

/// <param name="Members">For the leader only.</param>
internal sealed record JoinAnswer(
    ErrorCode Error, int Generation, string Protocol, string Leader, string MemberId,
    IReadOnlyList<(string MemberId, string? InstanceId, byte[] Metadata)> Members);

internal sealed record SyncRequest(
    string Group, int Generation, string MemberId, string? InstanceId, IReadOnlyList<(string MemberId, byte[] Assignment)> Assignments);

internal readonly record struct SyncAnswer(ErrorCode Error, byte[] Assignment);

/// <param name="Generation">−1 with an empty member id: a client that uses no group's membership.</param>
internal sealed record CommitRequest(string Group, int Generation, string MemberId, string? InstanceId, IReadOnlyList<OffsetToCommit> Offsets);

internal readonly record struct OffsetToCommit(string Topic, int Partition, long Offset, int LeaderEpoch, string? Metadata);

internal sealed record CommitAnswer(ErrorCode Error, IReadOnlyList<ErrorCode> Partitions, long Entry);

/// <param name="Offset">−1 = none committed.</param>
internal readonly record struct FetchedOffset(string Topic, int Partition, long Offset, int LeaderEpoch, string Metadata, ErrorCode Error);

/// <param name="State">Dead, Empty, PreparingRebalance, CompletingRebalance or Stable.</param>
internal sealed record GroupDescription(
    ErrorCode Error, string Group, string State, string ProtocolType, string Protocol, IReadOnlyList<MemberDescription> Members);

internal sealed record MemberDescription(
    string MemberId, string? InstanceId, string ClientId, string ClientHost, byte[] Metadata, byte[] Assignment);

internal readonly record struct GroupListing(string Group, string ProtocolType, string State);
