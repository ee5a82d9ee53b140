using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Tests.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Groups;

public sealed class JoinTests : IDisposable
{
    private readonly Rooms _rooms = new();

    public void Dispose() => _rooms.Dispose();

    [Fact]
    public async Task Join_first_member_leads_after_the_initial_delay()
    {
        var invited = await _rooms.Join(requireId: true).Now();
        Assert.Equal(ErrorCode.MemberIdRequired, invited.Error);
        Assert.StartsWith("client-", invited.MemberId, StringComparison.Ordinal);
        Assert.Equal("Empty", _rooms.State());

        var join = _rooms.Join(invited.MemberId, requireId: true);
        _rooms.PassMs(GroupLimits.InitialRebalanceDelayMs - 1);
        Assert.False(join.IsCompleted);
        _rooms.PassMs(2);
        var joined = await join.Now();

        Assert.Equal((ErrorCode.None, 1, "range", invited.MemberId, invited.MemberId), (joined.Error, joined.Generation, joined.Protocol, joined.Leader, joined.MemberId));
        Assert.Equal(invited.MemberId, Assert.Single(joined.Members).MemberId);
        Assert.Equal("CompletingRebalance", _rooms.State());
        await _rooms.SyncAll([joined]);
        Assert.Equal("Stable", _rooms.State());
    }

    [Fact]
    public async Task Join_two_that_race_share_one_generation_and_one_leader()
    {
        var first = _rooms.Join();
        _rooms.PassMs(90);
        var second = _rooms.Join();
        _rooms.PassMs(90);
        Assert.False(first.IsCompleted);
        _rooms.PassMs(200);

        var (a, b) = (await first.Now(), await second.Now());
        Assert.Equal((1, 1), (a.Generation, b.Generation));
        Assert.Equal((a.MemberId, a.MemberId), (a.Leader, b.Leader));
        Assert.Equal([a.MemberId, b.MemberId], a.Members.Select(m => m.MemberId));
        Assert.Empty(b.Members);
        await _rooms.SyncAll([a, b]);
    }

    [Fact]
    public async Task Join_third_asks_the_others_to_join_again()
    {
        var members = await _rooms.Stable(2);
        var third = _rooms.Join();
        Assert.Equal("PreparingRebalance", _rooms.State());
        Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(members[0]));
        Assert.Equal(ErrorCode.RebalanceInProgress, (await _rooms.Sync(members[0]).Now()).Error);
        Assert.Equal(ErrorCode.None, _rooms.Commit(members[1], 5).Error);

        var again = members.Select(m => _rooms.Join(m.MemberId)).ToArray();
        JoinAnswer[] joined = [await again[0].Now(), await again[1].Now(), await third.Now()];
        Assert.All(joined, j => Assert.Equal((2, members[0].MemberId), (j.Generation, j.Leader)));
        Assert.Equal(ErrorCode.IllegalGeneration, _rooms.Heartbeat(members[1]));
        await _rooms.SyncAll(joined);
    }

    [Fact]
    public async Task Join_cooperative_members_rebalance_twice()
    {
        var members = await _rooms.Stable(1, Party.Protocols("cooperative-sticky"));
        var second = _rooms.Join(protocols: Party.Protocols("cooperative-sticky"));
        var first = _rooms.Join(members[0].MemberId, protocols: [("cooperative-sticky", [1])]);
        JoinAnswer[] revoking = [await first.Now(), await second.Now()];
        await _rooms.SyncAll(revoking);

        // The one that gave partitions up joins again with what it owns now: the metadata differ, so all rebalance.
        first = _rooms.Join(members[0].MemberId, protocols: [("cooperative-sticky", [2])]);
        Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(revoking[1]));
        second = _rooms.Join(revoking[1].MemberId, protocols: Party.Protocols("cooperative-sticky"));
        JoinAnswer[] assigned = [await first.Now(), await second.Now()];
        Assert.Equal(3, assigned[0].Generation);
        Assert.Equal([2], assigned[0].Members[0].Metadata);
        await _rooms.SyncAll(assigned);
    }

    [Fact]
    public async Task Join_again_with_nothing_new_gets_the_generation_that_is()
    {
        var members = await _rooms.Stable(2);
        var again = await _rooms.Join(members[1].MemberId).Now();
        Assert.Equal((ErrorCode.None, 1), (again.Error, again.Generation));
        Assert.Equal("Stable", _rooms.State());

        var leader = _rooms.Join(members[0].MemberId);
        Assert.Equal("PreparingRebalance", _rooms.State());
        var follower = _rooms.Join(members[1].MemberId);
        Assert.Equal((2, 2), ((await leader.Now()).Generation, (await follower.Now()).Generation));
        var retried = await _rooms.Join(members[0].MemberId).Now();
        Assert.Equal((2, 2), (retried.Generation, retried.Members.Count));
    }

    [Fact]
    public async Task Join_with_other_metadata_while_the_leader_assigns_begins_anew()
    {
        var joins = new[] { _rooms.Join(), _rooms.Join() };
        _rooms.PassMs(300);
        var (leader, follower) = (await joins[0].Now(), await joins[1].Now());
        var sync = _rooms.Sync(follower);
        var again = _rooms.Join(leader.MemberId, protocols: [("range", [9])]);
        Assert.Equal(ErrorCode.RebalanceInProgress, (await sync.Now()).Error);
        var other = _rooms.Join(follower.MemberId);
        await _rooms.SyncAll([await again.Now(), await other.Now()]);
    }

    [Fact]
    public async Task Join_again_while_the_first_still_waits_ends_the_first()
    {
        var members = await _rooms.Stable(2);
        var lost = _rooms.Join(members[0].MemberId);
        var again = _rooms.Join(members[0].MemberId);
        Assert.Equal(ErrorCode.RebalanceInProgress, (await lost.Now()).Error);
        var other = _rooms.Join(members[1].MemberId);
        await _rooms.SyncAll([await again.Now(), await other.Now()]);
    }

    [Fact]
    public async Task Join_protocol_that_most_like_best_of_those_all_know_is_selected()
    {
        Task<JoinAnswer>[] joins =
        [
            _rooms.Join(protocols: Party.Protocols("sticky", "range", "round")),
            _rooms.Join(protocols: Party.Protocols("round", "range")),
            _rooms.Join(protocols: Party.Protocols("round", "range", "own")),
        ];
        _rooms.PassMs(400);
        Assert.Equal("round", (await joins[0].Now()).Protocol);
        Assert.Equal("round", System.Text.Encoding.UTF8.GetString((await joins[0]).Members[2].Metadata));
    }

    [Fact]
    public async Task Join_what_the_others_do_not_know_is_inconsistent()
    {
        await _rooms.Stable(2, Party.Protocols("range", "sticky"));
        Assert.Equal(ErrorCode.InconsistentGroupProtocol, (await _rooms.Join(protocols: Party.Protocols("other")).Now()).Error);
        Assert.Equal(ErrorCode.InconsistentGroupProtocol, (await _rooms.Join(type: "connect").Now()).Error);
        Assert.Equal(ErrorCode.InconsistentGroupProtocol, (await _rooms.Join(protocols: []).Now()).Error);
        Assert.Equal(ErrorCode.InconsistentGroupProtocol, (await _rooms.Join(type: "", group: "new").Now()).Error);
        Assert.Equal("Stable", _rooms.State());
    }

    [Fact]
    public async Task Join_out_of_bounds_is_refused()
    {
        Assert.Equal(ErrorCode.InvalidGroupId, (await _rooms.Join(group: "").Now()).Error);
        Assert.Equal(ErrorCode.InvalidSessionTimeout, (await _rooms.Join(sessionMs: 5_999).Now()).Error);
        Assert.Equal(ErrorCode.InvalidSessionTimeout, (await _rooms.Join(sessionMs: 1_800_001).Now()).Error);
        Assert.Equal(ErrorCode.UnknownMemberId, (await _rooms.Join("stranger").Now()).Error);
        Assert.Equal(ErrorCode.InvalidRequest, (await _rooms.Join(protocols: [("range", new byte[(1 << 20) + 1])]).Now()).Error);
        Assert.Equal(ErrorCode.InvalidRequest, (await _rooms.Join(protocols: [.. Enumerable.Range(0, 65).Select(i => ($"p{i}", Array.Empty<byte>()))]).Now()).Error);
        Assert.Empty(_rooms.Groups.List());
    }

    [Fact]
    public async Task Join_full_group_takes_no_more()
    {
        for (var i = 0; i < GroupLimits.MaxMembers; i++)
            _ = _rooms.Join();
        Assert.Equal(ErrorCode.GroupMaxSizeReached, (await _rooms.Join().Now()).Error);
        _rooms.PassMs(300);
        Assert.Equal(ErrorCode.GroupMaxSizeReached, (await _rooms.Join().Now()).Error);
        Assert.Equal(GroupLimits.MaxMembers, _rooms.Groups.Describe("g").Members.Count);
    }

    [Fact]
    public async Task Join_many_empty_groups_do_not_add_up()
    {
        for (var i = 0; i < GroupLimits.MaxGroups + 10; i++)
        {
            var invited = await _rooms.Join(requireId: true, group: $"g{i}").Now();
            if (i < GroupLimits.MaxGroups)
                _rooms.Groups.Leave($"g{i}", [(invited.MemberId, null)]);
        }
        Assert.Equal(GroupLimits.MaxGroups, _rooms.Groups.List().Count);
        _rooms.Pass(TimeSpan.FromMinutes(20), stepMs: 1_000);
        Assert.Empty(_rooms.Groups.List());
    }
}
