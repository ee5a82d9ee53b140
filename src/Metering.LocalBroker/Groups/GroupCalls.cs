using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Groups;

/// <param name="Protocols">In the member's order of preference.</param>
/// <param name="RequireKnownMemberId">A first join gets MEMBER_ID_REQUIRED and its id (JoinGroup v4+).</param>
/// <param name="CanSkipAssignment">It knows a leader that is not to assign (JoinGroup v9+).</param>
internal sealed record JoinRequest(
    string Group, string MemberId, string? InstanceId, string ClientId, string ClientHost, int SessionTimeoutMs, int RebalanceTimeoutMs,
    string ProtocolType, IReadOnlyList<(string Name, byte[] Metadata)> Protocols, bool RequireKnownMemberId, bool CanSkipAssignment = false);

/// <param name="Members">For the leader only.</param>
/// <param name="SkipAssignment">The leader takes the assignment that there is, as a static member that came back.</param>
internal sealed record JoinAnswer(
    ErrorCode Error, int Generation, string Protocol, string Leader, string MemberId,
    IReadOnlyList<(string MemberId, string? InstanceId, byte[] Metadata)> Members, bool SkipAssignment = false);

/// <param name="ProtocolType">What the member takes the group's to be; null before SyncGroup v5, which does not say it.</param>
/// <param name="Protocol">The same of the protocol that was chosen.</param>
internal sealed record SyncRequest(
    string Group, int Generation, string MemberId, string? InstanceId, IReadOnlyList<(string MemberId, byte[] Assignment)> Assignments,
    string? ProtocolType = null, string? Protocol = null);

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
