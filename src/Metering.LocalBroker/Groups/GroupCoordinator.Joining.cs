using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Groups;

/// <summary>Who may join a group, and what that does in each of its states. Under the gate.</summary>
internal sealed partial class GroupCoordinator
{
    private Task<JoinAnswer> Join(JoinRequest request)
    {
        if (CheckJoin(request) is var error and not ErrorCode.None)
            return Refuse(error, request.MemberId);
        var isNewcomer = request.MemberId.Length == 0;
        if (!_groups.TryGetValue(request.Group, out var group))
        {
            if (!isNewcomer)
                return Refuse(ErrorCode.UnknownMemberId, request.MemberId);
            if (Create(request.Group) is not { } created)
                return Refuse(ErrorCode.CoordinatorNotAvailable, "");
            group = created;
        }
        if (!HasRoom(group, request.MemberId))
        {
            if (group.Find(request.MemberId) is { } surplus)
                _rebalances.Remove(group, surplus, "the group is full");
            return Refuse(ErrorCode.GroupMaxSizeReached, "");
        }
        if (!group.Accepts(request.ProtocolType, request.Protocols))
            return Refuse(ErrorCode.InconsistentGroupProtocol, request.MemberId);
        return isNewcomer ? JoinAsNewcomer(group, request) : JoinAgain(group, request);
    }

    private ErrorCode CheckJoin(JoinRequest request)
    {
        if (_disposed)
            return ErrorCode.NotCoordinator;
        if (request.Group.Length == 0)
            return ErrorCode.InvalidGroupId;
        if (request.SessionTimeoutMs is < GroupLimits.MinSessionTimeoutMs or > GroupLimits.MaxSessionTimeoutMs)
            return ErrorCode.InvalidSessionTimeout;
        if (request.ProtocolType.Length == 0 || request.Protocols.Count == 0)
            return ErrorCode.InconsistentGroupProtocol;
        long bytes = 0;
        foreach (var (name, metadata) in request.Protocols)
            bytes += name.Length + metadata.Length;
        return request.Protocols.Count > GroupLimits.MaxProtocols || bytes > GroupLimits.MaxMemberBytes ? ErrorCode.InvalidRequest : ErrorCode.None;
    }

    private Task<JoinAnswer> JoinAsNewcomer(Group group, JoinRequest request)
    {
        if (request.InstanceId is { } instanceId)
        {
            var memberId = $"{instanceId}-{Guid.NewGuid()}";
            return group.FindStatic(instanceId) is { } old ? TakeOver(group, old, memberId, request) : _rebalances.Add(group, memberId, request);
        }
        var id = $"{request.ClientId}-{Guid.NewGuid()}";
        if (!request.RequireKnownMemberId)
            return _rebalances.Add(group, id, request);
        // A client whose answer got lost would else leave a member behind that holds the group up for its session timeout.
        var invitation = new Deadline(() => _rebalances.InvitationExpired(group, id));
        group.Invited.Add(id, invitation);
        _deadlines.Set(invitation, request.SessionTimeoutMs);
        return Refuse(ErrorCode.MemberIdRequired, id);
    }

    private Task<JoinAnswer> JoinAgain(Group group, JoinRequest request)
    {
        if (group.Invited.ContainsKey(request.MemberId))
            return request.InstanceId is null ? _rebalances.Add(group, request.MemberId, request) : Refuse(ErrorCode.UnknownMemberId, request.MemberId);
        if (group.Validate(request.MemberId, request.InstanceId) is var error and not ErrorCode.None)
            return Refuse(error, request.MemberId);
        var member = group.Find(request.MemberId)!;
        var isLeader = group.Leader == member.Id;
        switch (group.State)
        {
            // Its answer may have got lost: it is told again what it was told. A leader of a stable group that joins asks for a rebalance.
            case GroupState.CompletingRebalance when member.Matches(request.Protocols):
                return Task.FromResult(Rebalances.Current(group, member, isLeader, group.Leader!));
            case GroupState.Stable when !isLeader && member.Matches(request.Protocols):
                return Task.FromResult(Rebalances.Current(group, member, asLeader: false, group.Leader!));
            case GroupState.Empty:
                return Refuse(ErrorCode.UnknownMemberId, request.MemberId);
            default:
                return _rebalances.Update(group, member, request, isLeader ? "its leader joined again" : "a member joined again");
        }
    }

    /// <summary>A static member came back without its id. In a stable group it gets what it had, if that leaves the protocol as it
    /// is; the process that had its place before is fenced.</summary>
    private Task<JoinAnswer> TakeOver(Group group, Member old, string memberId, JoinRequest request)
    {
        var formerLeader = group.Leader!;
        var member = _rebalances.NewMember(group, memberId, old.InstanceId);
        member.ClientId = request.ClientId;
        member.ClientHost = request.ClientHost;
        member.Assignment = old.Assignment;
        member.OwesSync = old.OwesSync;
        member.Take(request);
        group.Replace(old, member);
        GroupLog.InstanceReplaced(_logger, group.Name, request.InstanceId!, memberId, old.Id);
        _deadlines.Cancel(old.Session);
        Rebalances.AnswerJoin(old, Rebalances.Refusal(ErrorCode.FencedInstanceId, old.Id));
        Rebalances.AnswerSync(old, ErrorCode.FencedInstanceId);
        _rebalances.Heard(member);
        switch (group.State)
        {
            // A leader that came back asks for its assignment, which is there. If it does not know that it may skip
            // making one, it is told the former leader's id, and takes itself for a follower.
            case GroupState.Stable when group.SelectProtocol() == group.Protocol:
                var isLeader = request.CanSkipAssignment && group.Leader == member.Id;
                var told = request.CanSkipAssignment ? group.Leader! : formerLeader;
                return Task.FromResult(Rebalances.Current(group, member, isLeader, told) with { SkipAssignment = isLeader });
            case GroupState.Stable or GroupState.CompletingRebalance:
                var answer = Rebalances.Wait(member);
                _rebalances.Prepare(group, "a static member came back");
                return answer;
            default:
                var waiting = Rebalances.Wait(member);
                _rebalances.RebalanceOrComplete(group, "a static member came back");
                return waiting;
        }
    }

    private static bool HasRoom(Group group, string memberId)
    {
        if (memberId.Length == 0 && group.Invited.Count >= GroupLimits.MaxMembers)
            return false;
        return group.State switch
        {
            GroupState.Empty => true,
            GroupState.PreparingRebalance => group.Find(memberId) is { Joining: not null } || group.JoiningCount < GroupLimits.MaxMembers,
            _ => group.Find(memberId) is not null || group.Members.Count < GroupLimits.MaxMembers,
        };
    }

    private Group? Create(string name)
    {
        if (_groups.Count >= GroupLimits.MaxGroups && !ForgetAnEmptyGroup())
            return null;
        Group group = null!;
        group = new Group(name)
        {
            JoinLimit = new Deadline(() => _rebalances.JoinLimitReached(group)),
            SyncLimit = new Deadline(() => _rebalances.SyncLimitReached(group)),
            EmptyLimit = new Deadline(() => ForgetIfEmpty(group)),
        };
        _groups.Add(name, group);
        _deadlines.Set(group.EmptyLimit, GroupLimits.EmptyGroupMs);
        return group;
    }

    /// <summary>With offsets it is kept, for its protocol type is shown; as many as there are groups with offsets.</summary>
    private void ForgetIfEmpty(Group group)
    {
        if (group is { State: GroupState.Empty, Invited.Count: 0 } && !_offsets.Contains(group.Name))
            Forget(group);
        else if (group.Invited.Count > 0)
            _deadlines.Set(group.EmptyLimit, GroupLimits.EmptyGroupMs);
    }

    private bool ForgetAnEmptyGroup()
    {
        foreach (var group in _groups.Values)
        {
            if (group is not { State: GroupState.Empty, Invited.Count: 0 })
                continue;
            Forget(group);
            return true;
        }
        return false;
    }

    private void Forget(Group group)
    {
        _groups.Remove(group.Name);
        _deadlines.Cancel(group.JoinLimit);
        _deadlines.Cancel(group.SyncLimit);
        _deadlines.Cancel(group.EmptyLimit);
        foreach (var invitation in group.Invited.Values)
            _deadlines.Cancel(invitation);
        group.Invited.Clear();
    }

    private static Task<JoinAnswer> Refuse(ErrorCode error, string memberId) => Task.FromResult(Rebalances.Refusal(error, memberId));
}
