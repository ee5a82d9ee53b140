using Metering.LocalBroker.Wire;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Groups;

/// <summary>
/// How a group gets from one generation to the next: all members join again, those who do not in time are out; the leader
/// assigns; all get their part. Under the broker's gate; answers are given to other threads.
/// </summary>
internal sealed class Rebalances(Deadlines deadlines, ILogger logger)
{
    public Member NewMember(Group group, string id, string? instanceId) =>
        new(id, instanceId, member => SessionExpired(group, member));

    /// <summary>A member comes that was not in the group.</summary>
    public Task<JoinAnswer> Add(Group group, string memberId, JoinRequest request)
    {
        var member = NewMember(group, memberId, request.InstanceId);
        member.ClientId = request.ClientId;
        member.ClientHost = request.ClientHost;
        member.Take(request);
        member.IsNew = true;
        group.HasNewMember = group.State == GroupState.PreparingRebalance && group.IsInitialRebalance;
        Uninvite(group, memberId);
        group.Add(member, request.ProtocolType);
        var answer = Wait(member);
        deadlines.Set(member.Session, GroupLimits.NewMemberTimeoutMs);
        RebalanceOrComplete(group, "a member came");
        return answer;
    }

    /// <summary>A member joins again.</summary>
    public Task<JoinAnswer> Update(Group group, Member member, JoinRequest request, string reason)
    {
        member.Take(request);
        var answer = Wait(member);
        RebalanceOrComplete(group, reason);
        return answer;
    }

    /// <summary>The member's answer once its generation begins. A join of the same member that still waited is of a connection given up.</summary>
    public static Task<JoinAnswer> Wait(Member member)
    {
        AnswerJoin(member, Refusal(ErrorCode.RebalanceInProgress, member.Id));
        member.Joining = new TaskCompletionSource<JoinAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        return member.Joining.Task;
    }

    public void Uninvite(Group group, string memberId)
    {
        if (group.Invited.Remove(memberId, out var deadline))
            deadlines.Cancel(deadline);
    }

    /// <summary>Takes a member out; what that means for the group is told to it by <see cref="AfterRemoval"/>.</summary>
    public void Remove(Group group, Member member, string reason)
    {
        deadlines.Cancel(member.Session);
        group.Remove(member);
        AnswerJoin(member, Refusal(ErrorCode.UnknownMemberId, ""));
        AnswerSync(member, ErrorCode.UnknownMemberId);
        member.OwesSync = false;
        GroupLog.MemberRemoved(logger, group.Name, member.Id, reason);
    }

    public void AfterRemoval(Group group, string reason)
    {
        if (group.State is GroupState.Stable or GroupState.CompletingRebalance)
            Prepare(group, reason);
        else if (group.State == GroupState.PreparingRebalance && group.AllJoined)
            CompleteJoin(group);
    }

    public void RebalanceOrComplete(Group group, string reason)
    {
        if (group.State != GroupState.PreparingRebalance)
            Prepare(group, reason);
        else if (!group.IsInitialRebalance && group.AllJoined)
            CompleteJoin(group);
    }

    public void Prepare(Group group, string reason)
    {
        foreach (var member in group.Members)
        {
            if (group.State == GroupState.CompletingRebalance)
            {
                member.Assignment = [];
                if (AnswerSync(member, ErrorCode.RebalanceInProgress))
                    Heard(member);
            }
            member.OwesSync = false;
        }
        deadlines.Cancel(group.SyncLimit);
        GroupLog.Rebalance(logger, group.Name, reason);
        group.PrepareRebalance();
        if (group.IsInitialRebalance)
        {
            group.InitialDelayLeftMs = Math.Max(group.RebalanceTimeoutMs - GroupLimits.InitialRebalanceDelayMs, 0);
            deadlines.Set(group.JoinLimit, GroupLimits.InitialRebalanceDelayMs);
        }
        else if (group.AllJoined)
        {
            CompleteJoin(group);
        }
        else
        {
            deadlines.Set(group.JoinLimit, group.RebalanceTimeoutMs);
        }
    }

    public void JoinLimitReached(Group group)
    {
        if (group.State != GroupState.PreparingRebalance)
            return;
        if (group is { IsInitialRebalance: true, HasNewMember: true, InitialDelayLeftMs: > 0 })
        {
            group.HasNewMember = false;
            deadlines.Set(group.JoinLimit, Math.Min(GroupLimits.InitialRebalanceDelayMs, group.InitialDelayLeftMs));
            group.InitialDelayLeftMs = Math.Max(group.InitialDelayLeftMs - GroupLimits.InitialRebalanceDelayMs, 0);
            return;
        }
        CompleteJoin(group);
    }

    /// <summary>Some got their generation and never asked for their assignment: they are gone.</summary>
    public void SyncLimitReached(Group group)
    {
        if (group.State is not (GroupState.CompletingRebalance or GroupState.Stable))
            return;
        var removed = false;
        foreach (var member in group.Members.ToArray())
        {
            if (!member.OwesSync)
                continue;
            Remove(group, member, "it did not ask for its assignment in time");
            removed = true;
        }
        if (removed)
            Prepare(group, "members did not sync");
    }

    public void InvitationExpired(Group group, string memberId)
    {
        group.Invited.Remove(memberId);
        if (group.State == GroupState.PreparingRebalance && group.AllJoined)
            CompleteJoin(group);
    }

    /// <summary>The leader's word: everybody gets their part.</summary>
    public void Assign(Group group, IReadOnlyList<(string MemberId, byte[] Assignment)> assignments)
    {
        var byMember = new Dictionary<string, byte[]>(assignments.Count, StringComparer.Ordinal);
        foreach (var (memberId, assignment) in assignments)
            byMember[memberId] = assignment;
        group.BecomeStable();
        foreach (var member in group.Members)
        {
            member.Assignment = byMember.GetValueOrDefault(member.Id) ?? [];
            if (AnswerSync(member, ErrorCode.None))
                Heard(member);
        }
    }

    /// <summary>The member is alive.</summary>
    public void Heard(Member member) => deadlines.Set(member.Session, member.SessionTimeoutMs);

    public static bool AnswerSync(Member member, ErrorCode error)
    {
        if (member.Syncing is not { } waiting)
            return false;
        member.Syncing = null;
        waiting.SetResult(new SyncAnswer(error, error == ErrorCode.None ? member.Assignment : []));
        return true;
    }

    public static bool AnswerJoin(Member member, JoinAnswer answer)
    {
        if (member.Joining is not { } waiting)
            return false;
        member.Joining = null;
        waiting.SetResult(answer);
        return true;
    }

    /// <summary>What a member hears about the generation that is.</summary>
    /// <param name="asLeader">With all members' metadata, to assign by.</param>
    public static JoinAnswer Current(Group group, Member member, bool asLeader, string leader)
    {
        var members = new List<(string, string?, byte[])>(asLeader ? group.Members.Count : 0);
        if (asLeader)
        {
            foreach (var other in group.Members)
                members.Add((other.Id, other.InstanceId, other.MetadataOf(group.Protocol)));
        }
        return new JoinAnswer(ErrorCode.None, group.Generation, group.Protocol, leader, member.Id, members);
    }

    public static JoinAnswer Refusal(ErrorCode error, string memberId) => new(error, -1, "", "", memberId, []);

    private void CompleteJoin(Group group)
    {
        deadlines.Cancel(group.JoinLimit);
        foreach (var member in group.Members.ToArray())
        {
            // A static member keeps its place as long as its session lasts: it may be restarting.
            if (member.Joining is null && member.InstanceId is null)
                Remove(group, member, "it did not join again in time");
        }
        if (group.Members.Count > 0 && !group.ElectLeader())
        {
            deadlines.Set(group.JoinLimit, group.RebalanceTimeoutMs);
            return;
        }
        group.NextGeneration();
        GroupLog.Generation(logger, group.Name, group.Generation, group.Members.Count, group.Leader ?? "none");
        if (group.State == GroupState.Empty)
        {
            deadlines.Set(group.EmptyLimit, GroupLimits.EmptyGroupMs);
            return;
        }
        foreach (var member in group.Members)
        {
            AnswerJoin(member, Current(group, member, asLeader: group.Leader == member.Id, group.Leader!));
            member.IsNew = false;
            member.OwesSync = true;
            Heard(member);
        }
        deadlines.Set(group.SyncLimit, group.RebalanceTimeoutMs);
    }

    private void SessionExpired(Group group, Member member)
    {
        // Who waits for the others is not asked for heartbeats; unless it was never here: its client may not know of it.
        if (!member.IsNew && (member.Joining is not null || member.Syncing is not null))
            return;
        Remove(group, member, "nothing was heard of it for its session timeout");
        AfterRemoval(group, "a member's session ended");
    }
}
