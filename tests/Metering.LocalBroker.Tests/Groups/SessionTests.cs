using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Tests.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Groups;

/// <summary>Members that go: by leaving, by silence, by not coming back.</summary>
public sealed class SessionTests : IDisposable
{
    private readonly Rooms _rooms = new();

    public void Dispose() => _rooms.Dispose();

    [Fact]
    public async Task Session_silent_member_is_removed_and_the_group_rebalances()
    {
        var members = await _rooms.Stable(2);
        for (var i = 0; i < 12; i++)
        {
            _rooms.PassMs(1_000);
            if (_rooms.Heartbeat(members[0]) == ErrorCode.RebalanceInProgress)
                break;
        }
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Heartbeat(members[1]));
        var alone = await _rooms.Join(members[0].MemberId).Now();
        Assert.Equal(2, alone.Generation);
        Assert.Single(alone.Members);
    }

    [Fact]
    public async Task Session_commits_and_heartbeats_keep_a_member()
    {
        var members = await _rooms.Stable(2);
        for (var i = 0; i < 30; i++)
        {
            _rooms.PassMs(3_000);
            Assert.Equal(ErrorCode.None, _rooms.Heartbeat(members[0]));
            Assert.Equal(ErrorCode.None, _rooms.Commit(members[1], i).Error);
        }
        Assert.Equal("Stable", _rooms.State());
    }

    [Fact]
    public async Task Session_all_silent_leave_an_empty_group_and_then_nothing()
    {
        await _rooms.Stable(3);
        _rooms.PassMs(11_000 + Party.RebalanceMs);
        Assert.Equal("Empty", _rooms.State());
        _rooms.Pass(TimeSpan.FromMilliseconds(GroupLimits.EmptyGroupMs), stepMs: 1_000);
        Assert.Equal("Dead", _rooms.State());
    }

    [Fact]
    public async Task Leave_leader_hands_over_to_the_next()
    {
        var members = await _rooms.Stable(3);
        Assert.Equal(ErrorCode.None, _rooms.Leave(members[0].MemberId));
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Leave(members[0].MemberId));
        var again = new[] { _rooms.Join(members[1].MemberId), _rooms.Join(members[2].MemberId) };
        JoinAnswer[] joined = [await again[0].Now(), await again[1].Now()];
        Assert.All(joined, j => Assert.Equal((2, members[1].MemberId), (j.Generation, j.Leader)));
        await _rooms.SyncAll(joined);
    }

    [Fact]
    public async Task Leave_last_member_empties_the_group()
    {
        var members = await _rooms.Stable(1);
        _rooms.Commit(members[0], 7);
        Assert.Equal(ErrorCode.None, _rooms.Leave(members[0].MemberId));
        Assert.Equal("Empty", _rooms.State());
        Assert.Equal(new GroupListing("g", "consumer", "Empty"), Assert.Single(_rooms.Groups.List()));
        Assert.Equal(2, (await JoinAlone()).Generation - 1);
    }

    [Fact]
    public async Task Leave_while_joins_wait_lets_them_go_on()
    {
        var members = await _rooms.Stable(2);
        var first = _rooms.Join(members[0].MemberId);
        Assert.False(first.IsCompleted);
        Assert.Equal(ErrorCode.None, _rooms.Leave(members[1].MemberId));
        Assert.Single((await first.Now()).Members);
    }

    [Fact]
    public async Task Leave_ends_what_the_member_itself_waited_for()
    {
        var members = await _rooms.Stable(2);
        var waiting = _rooms.Join(members[0].MemberId);
        _rooms.Leave(members[0].MemberId);
        Assert.Equal(ErrorCode.UnknownMemberId, (await waiting.Now()).Error);

        var alone = await _rooms.Join(members[1].MemberId).Now();
        var other = _rooms.Join();
        alone = await _rooms.Join(alone.MemberId).Now();
        var sync = _rooms.Sync(await other.Now());
        _rooms.Leave((await other).MemberId);
        Assert.Equal(ErrorCode.UnknownMemberId, (await sync.Now()).Error);
        Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(alone));
    }

    [Fact]
    public async Task Leave_by_list_answers_each()
    {
        var members = await _rooms.Stable(2, instances: ["one", null]);
        var invited = await _rooms.Join(requireId: true).Now();
        var (error, answers) = _rooms.Groups.Leave("g", [("", "one"), ("", "none"), ("", null), (members[1].MemberId, null), (invited.MemberId, null), ("stranger", null)]);
        Assert.Equal(ErrorCode.None, error);
        Assert.Equal(
            [ErrorCode.None, ErrorCode.UnknownMemberId, ErrorCode.UnknownMemberId, ErrorCode.None, ErrorCode.None, ErrorCode.UnknownMemberId], answers);
        Assert.Equal("Empty", _rooms.State());
        Assert.Equal([ErrorCode.UnknownMemberId], _rooms.Groups.Leave("nowhere", [("m", null)]).Members);
    }

    [Fact]
    public async Task Rebalance_who_does_not_join_again_in_time_is_out()
    {
        var members = await _rooms.Stable(2);
        var third = _rooms.Join();
        for (var ms = 0; ms < Party.RebalanceMs; ms += 1_000)
        {
            Assert.False(third.IsCompleted);
            // Its heartbeats go on, its poll does not: only the rebalance timeout ends that.
            Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(members[0]));
            Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(members[1]));
            _rooms.PassMs(1_000);
        }
        _rooms.PassMs(10);
        var joined = await third.Now();
        Assert.Equal((joined.MemberId, 1), (joined.Leader, joined.Members.Count));
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Heartbeat(members[0]));
    }

    [Fact]
    public async Task Rebalance_leader_that_never_assigns_is_removed()
    {
        var joins = new[] { _rooms.Join(), _rooms.Join() };
        _rooms.PassMs(300);
        var (leader, follower) = (await joins[0].Now(), await joins[1].Now());
        var sync = _rooms.Sync(follower);
        for (var ms = 0; ms <= Party.RebalanceMs && !sync.IsCompleted; ms += 1_000)
        {
            _rooms.Heartbeat(leader);
            _rooms.PassMs(1_000);
        }
        Assert.Equal(ErrorCode.RebalanceInProgress, (await sync.Now()).Error);
        var alone = await _rooms.Join(follower.MemberId).Now();
        Assert.Equal((2, follower.MemberId), (alone.Generation, alone.Leader));
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Heartbeat(leader));
    }

    [Fact]
    public async Task Rebalance_follower_that_never_syncs_is_removed()
    {
        var joins = new[] { _rooms.Join(), _rooms.Join() };
        _rooms.PassMs(300);
        var (leader, follower) = (await joins[0].Now(), await joins[1].Now());
        Assert.Equal(ErrorCode.None, (await _rooms.Sync(leader).Now()).Error);
        Assert.Equal("Stable", _rooms.State());
        for (var ms = 0; ms <= Party.RebalanceMs; ms += 1_000)
        {
            _rooms.Heartbeat(leader);
            _rooms.Heartbeat(follower);
            _rooms.PassMs(1_000);
        }
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Heartbeat(follower));
        Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(leader));
    }

    [Fact]
    public async Task Invitation_that_nobody_takes_holds_the_others_up_for_its_session_only()
    {
        var members = await _rooms.Stable(1);
        await _rooms.Join(requireId: true).Now();
        var again = _rooms.Join(members[0].MemberId);
        _rooms.PassMs(Party.SessionMs - 100);
        Assert.False(again.IsCompleted);
        _rooms.PassMs(200);
        Assert.Equal(2, (await again.Now()).Generation);
    }

    [Fact]
    public async Task Newcomer_that_waits_too_long_is_given_up()
    {
        var slow = await JoinAlone(rebalanceMs: 900_000);
        await _rooms.SyncAll([slow]);
        var newcomer = _rooms.Join();
        for (var ms = 0; ms < GroupLimits.NewMemberTimeoutMs + 1_000; ms += 1_000)
        {
            Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(slow));
            _rooms.PassMs(1_000);
        }
        Assert.Equal(ErrorCode.UnknownMemberId, (await newcomer.Now()).Error);
        Assert.Single(_rooms.Groups.Describe("g").Members);
    }

    [Fact]
    public async Task Dispose_ends_all_waiting()
    {
        var members = await _rooms.Stable(2);
        var join = _rooms.Join(members[0].MemberId);
        _rooms.Groups.Dispose();
        Assert.Equal(ErrorCode.NotCoordinator, (await join.Now()).Error);
        Assert.Equal(ErrorCode.NotCoordinator, (await _rooms.Join().Now()).Error);
        Assert.Equal(ErrorCode.NotCoordinator, _rooms.Heartbeat(members[1]));
        Assert.Equal(ErrorCode.NotCoordinator, _rooms.Commit(members[1], 1).Error);
    }

    private async Task<JoinAnswer> JoinAlone(int rebalanceMs = Party.RebalanceMs)
    {
        var join = _rooms.Join(rebalanceMs: rebalanceMs);
        _rooms.PassMs(200);
        return await join.Now();
    }
}
