using Metering.LocalBroker.Wire;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Groups;

/// <summary>Classic consumer groups: joining, syncing, heartbeats, leaving. Membership lives in memory: after a restart members
/// join anew, and whatever a former member says with its generation is refused. Takes the broker's gate itself.</summary>
internal sealed partial class GroupCoordinator : IDisposable
{
    private readonly Lock _gate;
    private readonly OffsetTable _offsets;
    private readonly ILogger _logger;
    private readonly Deadlines _deadlines;
    private readonly Rebalances _rebalances;
    private readonly Dictionary<string, Group> _groups = new(StringComparer.Ordinal);
    private bool _disposed;

    public GroupCoordinator(Lock gate, OffsetTable offsets, TimeProvider time, ILogger logger)
    {
        _gate = gate;
        _offsets = offsets;
        _logger = logger;
        _deadlines = new Deadlines(gate, time, logger);
        _rebalances = new Rebalances(_deadlines, logger);
    }

    /// <summary>Completes when the member's generation begins.</summary>
    public Task<JoinAnswer> JoinAsync(JoinRequest request)
    {
        lock (_gate)
            return Join(request);
    }

    /// <summary>Completes when the leader has assigned.</summary>
    public Task<SyncAnswer> SyncAsync(SyncRequest request)
    {
        lock (_gate)
        {
            if (CheckMember(request.Group, request.MemberId, request.InstanceId, request.Generation, out var group, out var member) is var error and not ErrorCode.None)
                return Task.FromResult(new SyncAnswer(error, []));
            if ((request.ProtocolType ?? group.ProtocolType) != group.ProtocolType || (request.Protocol ?? group.Protocol) != group.Protocol)
                return Task.FromResult(new SyncAnswer(ErrorCode.InconsistentGroupProtocol, []));
            if (group.State == GroupState.PreparingRebalance)
                return Task.FromResult(new SyncAnswer(ErrorCode.RebalanceInProgress, []));
            member.OwesSync = false;
            if (!group.Members.Any(static m => m.OwesSync))
                _deadlines.Cancel(group.SyncLimit);
            if (group.State == GroupState.Stable)
            {
                _rebalances.Heard(member);
                return Task.FromResult(new SyncAnswer(ErrorCode.None, member.Assignment));
            }
            Rebalances.AnswerSync(member, ErrorCode.RebalanceInProgress);
            var waiting = member.Syncing = new TaskCompletionSource<SyncAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (group.Leader == member.Id)
                _rebalances.Assign(group, request.Assignments);
            return waiting.Task;
        }
    }

    /// <returns>REBALANCE_IN_PROGRESS asks the member to join again.</returns>
    public ErrorCode Heartbeat(string group, int generation, string memberId, string? instanceId)
    {
        lock (_gate)
        {
            if (CheckMember(group, memberId, instanceId, generation, out var found, out var member) is var error and not ErrorCode.None)
                return error;
            _rebalances.Heard(member);
            return found.State == GroupState.PreparingRebalance ? ErrorCode.RebalanceInProgress : ErrorCode.None;
        }
    }

    /// <summary>Members leave, or are removed by an administrator: then by their instance ids alone.</summary>
    /// <returns>The group's error, or each member's in order.</returns>
    public (ErrorCode Error, IReadOnlyList<ErrorCode> Members) Leave(string group, IReadOnlyList<(string MemberId, string? InstanceId)> members)
    {
        lock (_gate)
        {
            if (_disposed || group.Length == 0)
                return (_disposed ? ErrorCode.NotCoordinator : ErrorCode.InvalidGroupId, []);
            var errors = new ErrorCode[members.Count];
            var found = _groups.GetValueOrDefault(group);
            for (var i = 0; i < errors.Length; i++)
                errors[i] = found is null ? ErrorCode.UnknownMemberId : Leave(found, members[i].MemberId, members[i].InstanceId);
            if (found is not null && errors.AsSpan().Contains(ErrorCode.None))
                LeftGroup(found);
            return (ErrorCode.None, errors);
        }
    }

    public GroupDescription Describe(string group)
    {
        lock (_gate)
        {
            if (_disposed || group.Length == 0)
                return new GroupDescription(_disposed ? ErrorCode.NotCoordinator : ErrorCode.InvalidGroupId, group, "", "", "", []);
            if (!_groups.TryGetValue(group, out var found))
                return new GroupDescription(ErrorCode.None, group, _offsets.Contains(group) ? nameof(GroupState.Empty) : "Dead", "", "", []);
            var isStable = found.State == GroupState.Stable;
            var members = new List<MemberDescription>(found.Members.Count);
            foreach (var member in found.Members)
            {
                members.Add(new MemberDescription(
                    member.Id, member.InstanceId, member.ClientId, member.ClientHost, isStable ? member.MetadataOf(found.Protocol) : [], member.Assignment));
            }
            return new GroupDescription(ErrorCode.None, group, found.State.ToString(), found.ProtocolType, isStable ? found.Protocol : "", members);
        }
    }

    public IReadOnlyList<GroupListing> List()
    {
        lock (_gate)
        {
            var listings = new List<GroupListing>(_groups.Count);
            foreach (var group in _groups.Values)
                listings.Add(new GroupListing(group.Name, group.ProtocolType, group.State.ToString()));
            foreach (var name in _offsets.Groups)
            {
                if (!_groups.ContainsKey(name))
                    listings.Add(new GroupListing(name, "", nameof(GroupState.Empty)));
            }
            return listings;
        }
    }

    /// <summary>Whoever waits is told to look for its coordinator again.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _deadlines.Dispose();
            foreach (var group in _groups.Values)
            {
                foreach (var member in group.Members)
                {
                    Rebalances.AnswerJoin(member, Rebalances.Refusal(ErrorCode.NotCoordinator, member.Id));
                    Rebalances.AnswerSync(member, ErrorCode.NotCoordinator);
                }
            }
            _groups.Clear();
        }
    }

    private ErrorCode CheckMember(string name, string memberId, string? instanceId, int generation, out Group group, out Member member)
    {
        (group, member) = (null!, null!);
        if (_disposed || name.Length == 0)
            return _disposed ? ErrorCode.NotCoordinator : ErrorCode.InvalidGroupId;
        if (!_groups.TryGetValue(name, out group!) || group.State == GroupState.Empty)
            return ErrorCode.UnknownMemberId;
        if (group.Validate(memberId, instanceId) is var error and not ErrorCode.None)
            return error;
        member = group.Find(memberId)!;
        return generation == group.Generation ? ErrorCode.None : ErrorCode.IllegalGeneration;
    }

    private ErrorCode Leave(Group group, string memberId, string? instanceId)
    {
        if (memberId.Length == 0)
        {
            if (instanceId is null || group.FindStatic(instanceId) is not { } holder)
                return ErrorCode.UnknownMemberId;
            memberId = holder.Id;
        }
        else if (group.Invited.ContainsKey(memberId))
        {
            _rebalances.Uninvite(group, memberId);
            return ErrorCode.None;
        }
        if (group.Validate(memberId, instanceId) is var error and not ErrorCode.None)
            return error;
        _rebalances.Remove(group, group.Find(memberId)!, "it left");
        return ErrorCode.None;
    }

    private void LeftGroup(Group group)
    {
        if (group.State is GroupState.Stable or GroupState.CompletingRebalance)
            _rebalances.Prepare(group, "members left");
        else if (group.Members.Count == 0)
            _rebalances.AfterRemoval(group, "members left");
        else
            _rebalances.RebalanceOrComplete(group, "members left");
    }
}
