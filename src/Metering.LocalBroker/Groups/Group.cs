using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Groups;

internal enum GroupState
{
    /// <summary>No members: committed offsets at most.</summary>
    Empty,

    /// <summary>Members are to join again; joins wait for the others.</summary>
    PreparingRebalance,

    /// <summary>A generation has begun; members wait for what its leader assigns.</summary>
    CompletingRebalance,

    Stable,
}

/// <summary>Who is in a group, and what they agree on. When it changes its state is the coordinator's business. Under the
/// broker's gate.</summary>
internal sealed class Group(string name)
{
    private readonly OrderedDictionary<string, Member> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Member> _static = new(StringComparer.Ordinal);

    public string Name { get; } = name;

    public GroupState State { get; private set; } = GroupState.Empty;

    /// <summary>The group was empty before it rebalances: it waits for whoever comes at the same time.</summary>
    public bool IsInitialRebalance { get; private set; }

    /// <summary>Someone came while the group waited so.</summary>
    public bool HasNewMember { get; set; }

    /// <summary>How much longer an initial rebalance may be put off.</summary>
    public long InitialDelayLeftMs { get; set; }

    public int Generation { get; private set; }

    public string ProtocolType { get; private set; } = "";

    /// <summary>Empty while there is no generation.</summary>
    public string Protocol { get; private set; } = "";

    /// <summary>Null without members.</summary>
    public string? Leader { get; private set; }

    /// <summary>In the order of their coming.</summary>
    public IList<Member> Members => _members.Values;

    /// <summary>Given an id and asked to join with it; by id.</summary>
    public Dictionary<string, Deadline> Invited { get; } = new(StringComparer.Ordinal);

    /// <summary>When waiting for joins ends; for the first syncs of a generation; and of an empty group's place in memory.</summary>
    public required Deadline JoinLimit { get; init; }

    public required Deadline SyncLimit { get; init; }

    public required Deadline EmptyLimit { get; init; }

    public int JoiningCount
    {
        get
        {
            var count = 0;
            foreach (var member in Members)
                count += member.Joining is null ? 0 : 1;
            return count;
        }
    }

    public bool AllJoined => Invited.Count == 0 && JoiningCount == _members.Count;

    /// <summary>The longest of the members': who needs longest to let go decides.</summary>
    public int RebalanceTimeoutMs
    {
        get
        {
            var longest = 0;
            foreach (var member in Members)
                longest = Math.Max(longest, member.RebalanceTimeoutMs);
            return longest;
        }
    }

    public Member? Find(string memberId) => _members.GetValueOrDefault(memberId);

    public Member? FindStatic(string instanceId) => _static.GetValueOrDefault(instanceId);

    /// <summary>Is this the member that holds the place? An instance id that another member took over fences the former one.</summary>
    public ErrorCode Validate(string memberId, string? instanceId)
    {
        if (instanceId is not null)
        {
            if (FindStatic(instanceId) is not { } holder)
                return ErrorCode.UnknownMemberId;
            if (holder.Id != memberId)
                return ErrorCode.FencedInstanceId;
        }
        return _members.ContainsKey(memberId) ? ErrorCode.None : ErrorCode.UnknownMemberId;
    }

    public void Add(Member member, string protocolType)
    {
        if (_members.Count == 0)
            ProtocolType = protocolType;
        _members.Add(member.Id, member);
        if (member.InstanceId is { } instanceId)
            _static.Add(instanceId, member);
        Leader ??= member.Id;
    }

    public void Remove(Member member)
    {
        _members.Remove(member.Id);
        if (member.InstanceId is { } instanceId)
            _static.Remove(instanceId);
        if (Leader == member.Id)
            Leader = _members.Count > 0 ? _members.GetAt(0).Key : null;
    }

    /// <summary>A static member came back under a new id: it takes the old one's place, and leadership.</summary>
    public void Replace(Member old, Member by)
    {
        var at = _members.IndexOf(old.Id);
        _members.RemoveAt(at);
        _members.Insert(at, by.Id, by);
        _static[by.InstanceId!] = by;
        if (Leader == old.Id)
            Leader = by.Id;
    }

    /// <summary>A leader that did not join again gives way to the first who did.</summary>
    /// <returns>False when nobody did.</returns>
    public bool ElectLeader()
    {
        if (Leader is null)
            return false;
        if (_members[Leader].Joining is not null)
            return true;
        foreach (var member in Members)
        {
            if (member.Joining is null)
                continue;
            Leader = member.Id;
            return true;
        }
        return false;
    }

    public void PrepareRebalance()
    {
        IsInitialRebalance = State == GroupState.Empty;
        HasNewMember = false;
        State = GroupState.PreparingRebalance;
    }

    /// <summary>Begins a generation with those who are members now.</summary>
    public void NextGeneration()
    {
        Generation++;
        IsInitialRebalance = false;
        Protocol = _members.Count == 0 ? "" : SelectProtocol();
        State = _members.Count == 0 ? GroupState.Empty : GroupState.CompletingRebalance;
    }

    public void BecomeStable() => State = GroupState.Stable;

    /// <summary>True when the group would still have a protocol that all members know.</summary>
    public bool Accepts(string protocolType, IReadOnlyList<(string Name, byte[] Metadata)> protocols)
    {
        if (State == GroupState.Empty || _members.Count == 0)
            return protocolType.Length > 0 && protocols.Count > 0;
        if (protocolType != ProtocolType)
            return false;
        foreach (var (name, _) in protocols)
        {
            if (IsKnownToAll(name))
                return true;
        }
        return false;
    }

    /// <summary>Of the protocols that all know, the one that most like best; of equals, the one named first.</summary>
    public string SelectProtocol()
    {
        var votes = new OrderedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var member in Members)
        {
            foreach (var (name, _) in member.Protocols)
            {
                if (!IsKnownToAll(name))
                    continue;
                votes[name] = votes.GetValueOrDefault(name) + 1;
                break;
            }
        }
        var (selected, most) = ("", 0);
        foreach (var (name, count) in votes)
        {
            if (count > most)
                (selected, most) = (name, count);
        }
        return selected;
    }

    private bool IsKnownToAll(string protocol)
    {
        foreach (var member in Members)
        {
            if (!member.Supports(protocol))
                return false;
        }
        return true;
    }
}
