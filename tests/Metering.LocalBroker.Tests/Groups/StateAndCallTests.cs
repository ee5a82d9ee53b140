using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Tests.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Groups;

/// <summary>Every state with every call, from a member, a stranger and a client that is no member.</summary>
public sealed class StateAndCallTests : IDisposable
{
    private readonly Rooms _rooms = new();

    public void Dispose() => _rooms.Dispose();

    [Theory]
    [InlineData("Dead", nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.IllegalGeneration), nameof(ErrorCode.IllegalGeneration), nameof(ErrorCode.UnknownMemberId))]
    [InlineData("Empty", nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.UnknownMemberId))]
    [InlineData("PreparingRebalance", nameof(ErrorCode.RebalanceInProgress), nameof(ErrorCode.RebalanceInProgress), nameof(ErrorCode.None), nameof(ErrorCode.None), nameof(ErrorCode.None))]
    [InlineData("CompletingRebalance", nameof(ErrorCode.None), nameof(ErrorCode.None), nameof(ErrorCode.RebalanceInProgress), nameof(ErrorCode.None), nameof(ErrorCode.None))]
    [InlineData("Stable", nameof(ErrorCode.None), nameof(ErrorCode.None), nameof(ErrorCode.None), nameof(ErrorCode.None), nameof(ErrorCode.None))]
    public async Task Member(string state, string heartbeat, string sync, string commit, string transactional, string leave)
    {
        var member = await Reach(state);
        Assert.Equal(heartbeat, _rooms.Heartbeat(member).ToString());
        Assert.Equal(transactional, CheckTransactional(member).ToString());
        Assert.Equal(commit, _rooms.Commit(member, 1).Error.ToString());
        Assert.Equal(sync, (await _rooms.Sync(member).Now()).Error.ToString());
        Assert.Equal(leave, _rooms.Leave(member.MemberId).ToString());
    }

    [Theory]
    [InlineData("PreparingRebalance")]
    [InlineData("CompletingRebalance")]
    [InlineData("Stable")]
    public async Task Former_generation_or_stranger_is_refused(string state)
    {
        var member = await Reach(state);
        foreach (var (claim, error) in new[]
        {
            (member with { Generation = member.Generation - 1 }, ErrorCode.IllegalGeneration),
            (member with { Generation = member.Generation + 1 }, ErrorCode.IllegalGeneration),
            (member with { MemberId = "stranger" }, ErrorCode.UnknownMemberId),
            (member with { MemberId = "" }, ErrorCode.UnknownMemberId),
        })
        {
            Assert.Equal(error, _rooms.Heartbeat(claim));
            Assert.Equal(error, (await _rooms.Sync(claim).Now()).Error);
            Assert.Equal(error, _rooms.Commit(claim, 1).Error);
            Assert.Equal(error, CheckTransactional(claim));
        }
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Heartbeat(member, "no-instance"));
        Assert.Equal(state, _rooms.State());
    }

    [Theory]
    [InlineData("Dead", nameof(ErrorCode.None), nameof(ErrorCode.None), nameof(ErrorCode.GroupIdNotFound))]
    [InlineData("Empty", nameof(ErrorCode.None), nameof(ErrorCode.None), nameof(ErrorCode.None))]
    [InlineData("PreparingRebalance", nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.None), nameof(ErrorCode.NonEmptyGroup))]
    [InlineData("CompletingRebalance", nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.None), nameof(ErrorCode.NonEmptyGroup))]
    [InlineData("Stable", nameof(ErrorCode.UnknownMemberId), nameof(ErrorCode.None), nameof(ErrorCode.NonEmptyGroup))]
    public async Task No_member(string state, string commit, string transactional, string delete)
    {
        await Reach(state);
        Assert.Equal(transactional, CheckTransactional(null).ToString());
        Assert.Equal(delete, _rooms.Groups.Delete("g").Error.ToString());
        Assert.Equal(commit, _rooms.Commit(null, 1).Error.ToString());
    }

    [Theory]
    [InlineData("Dead", 0, "", "")]
    [InlineData("Empty", 0, "consumer", "")]
    [InlineData("PreparingRebalance", 2, "consumer", "")]
    [InlineData("CompletingRebalance", 2, "consumer", "")]
    [InlineData("Stable", 2, "consumer", "range")]
    public async Task Describe(string state, int members, string type, string protocol)
    {
        await Reach(state);
        var described = _rooms.Groups.Describe("g");
        Assert.Equal((ErrorCode.None, state, type, protocol, members), (described.Error, described.State, described.ProtocolType, described.Protocol, described.Members.Count));
        Assert.All(described.Members, m => Assert.Equal(("client", "/127.0.0.1", state == "Stable" ? 5 : 0), (m.ClientId, m.ClientHost, m.Metadata.Length)));
        Assert.Equal(state == "Dead" ? [] : [new GroupListing("g", type, state)], _rooms.Groups.List());
        Assert.Equal(ErrorCode.InvalidGroupId, _rooms.Groups.Describe("").Error);
    }

    private ErrorCode CheckTransactional(JoinAnswer? member)
    {
        lock (_rooms.Gate)
            return _rooms.Groups.CheckCommit(Party.Request(member, 1), isTransactional: true);
    }

    /// <summary>Brings the group into a state, and answers with its leader, or with one that led it.</summary>
    private async Task<JoinAnswer> Reach(string state)
    {
        if (state == "Dead")
            return new JoinAnswer(ErrorCode.None, 1, "range", "m", "m", []);
        if (state == "CompletingRebalance")
        {
            var joins = new[] { _rooms.Join(), _rooms.Join() };
            _rooms.PassMs(300);
            return await joins[0].Now();
        }
        var members = await _rooms.Stable(2);
        if (state == "PreparingRebalance")
            _ = _rooms.Join(members[1].MemberId, protocols: [("range", [1, 2, 3])]);
        if (state == "Empty")
            _rooms.Groups.Leave("g", [(members[0].MemberId, null), (members[1].MemberId, null)]);
        Assert.Equal(state, _rooms.State());
        return members[0];
    }
}
