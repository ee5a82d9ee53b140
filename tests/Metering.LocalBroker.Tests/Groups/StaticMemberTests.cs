using System.Text;
using Metering.LocalBroker.Tests.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Groups;

public sealed class StaticMemberTests : IDisposable
{
    private static readonly string?[] Instances = ["one", "two"];

    private readonly Rooms _rooms = new();

    public void Dispose() => _rooms.Dispose();

    [Fact]
    public async Task Restart_of_a_follower_gets_its_assignment_back_without_a_rebalance()
    {
        var members = await _rooms.Stable(2, instances: Instances);
        var back = await _rooms.Join(instanceId: "two").Now();
        Assert.Equal((ErrorCode.None, 1, members[0].MemberId), (back.Error, back.Generation, back.Leader));
        Assert.NotEqual(members[1].MemberId, back.MemberId);
        Assert.Equal("Stable", _rooms.State());
        Assert.Equal($"{members[1].MemberId}@1", Encoding.UTF8.GetString((await _rooms.Sync(back, "two").Now()).Assignment));
        Assert.Equal(ErrorCode.None, _rooms.Heartbeat(members[0], "one"));
    }

    [Fact]
    public async Task Restart_of_the_leader_makes_it_no_leader_until_the_next_generation()
    {
        var members = await _rooms.Stable(2, instances: Instances);
        var back = await _rooms.Join(instanceId: "one").Now();
        Assert.Equal(members[0].MemberId, back.Leader);
        Assert.Empty(back.Members);
        Assert.Equal($"{members[0].MemberId}@1", Encoding.UTF8.GetString((await _rooms.Sync(back, "one").Now()).Assignment));

        var again = _rooms.Join(back.MemberId, "one");
        var other = _rooms.Join(members[1].MemberId, "two");
        Assert.Equal((back.MemberId, 2), ((await again.Now()).Leader, (await again).Members.Count));
        Assert.Equal(back.MemberId, (await other.Now()).Leader);
    }

    [Fact]
    public async Task Restart_of_a_leader_that_may_skip_assigning_leads_and_takes_the_assignment_that_there_is()
    {
        var members = await _rooms.Stable(2, instances: Instances);
        var back = await _rooms.Join(instanceId: "one", canSkip: true).Now();
        Assert.Equal((back.MemberId, true, 1), (back.Leader, back.SkipAssignment, back.Generation));
        Assert.Equal([back.MemberId, members[1].MemberId], back.Members.Select(m => m.MemberId));
        Assert.Equal($"{members[0].MemberId}@1", Encoding.UTF8.GetString((await _rooms.Sync(back with { Members = [] }, "one").Now()).Assignment));

        var follower = await _rooms.Join(instanceId: "two", canSkip: true).Now();
        Assert.Equal((back.MemberId, false, 0), (follower.Leader, follower.SkipAssignment, follower.Members.Count));
        Assert.Equal("Stable", _rooms.State());
    }

    [Fact]
    public async Task Replaced_former_process_is_fenced_in_all_it_does()
    {
        var members = await _rooms.Stable(2, instances: Instances);
        await _rooms.Join(instanceId: "two").Now();
        var zombie = members[1];
        Assert.Equal(ErrorCode.FencedInstanceId, _rooms.Heartbeat(zombie, "two"));
        Assert.Equal(ErrorCode.FencedInstanceId, (await _rooms.Sync(zombie, "two").Now()).Error);
        Assert.Equal(ErrorCode.FencedInstanceId, (await _rooms.Join(zombie.MemberId, "two").Now()).Error);
        Assert.Equal(ErrorCode.FencedInstanceId, _rooms.Commit(zombie, 1, "two").Error);
        Assert.Equal(ErrorCode.FencedInstanceId, _rooms.Leave(zombie.MemberId, "two"));
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Heartbeat(zombie));
    }

    [Fact]
    public async Task Replaced_while_it_waits_the_former_process_hears_so()
    {
        var members = await _rooms.Stable(2, instances: Instances);
        var waiting = _rooms.Join(members[0].MemberId, "one");
        var by = _rooms.Join(instanceId: "one");
        Assert.Equal(ErrorCode.FencedInstanceId, (await waiting.Now()).Error);
        var other = _rooms.Join(members[1].MemberId, "two");
        await _rooms.SyncAll([await by.Now(), await other.Now()], Instances);
    }

    [Fact]
    public async Task Replaced_while_the_leader_assigns_begins_anew()
    {
        var joins = new[] { _rooms.Join(instanceId: "one"), _rooms.Join(instanceId: "two") };
        _rooms.PassMs(300);
        var (leader, follower) = (await joins[0].Now(), await joins[1].Now());
        var sync = _rooms.Sync(follower, "two");
        var by = _rooms.Join(instanceId: "two");
        Assert.Equal(ErrorCode.FencedInstanceId, (await sync.Now()).Error);
        Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(leader, "one"));
        var again = _rooms.Join(leader.MemberId, "one");
        await _rooms.SyncAll([await again.Now(), await by.Now()], Instances);
    }

    [Fact]
    public async Task Restart_with_another_protocol_rebalances()
    {
        var members = await _rooms.Stable(1, Party.Protocols("range", "sticky"), ["one"]);
        var back = _rooms.Join(instanceId: "one", protocols: Party.Protocols("sticky"));
        var joined = await back.Now();
        Assert.Equal((2, "sticky"), (joined.Generation, joined.Protocol));
        Assert.NotEqual(members[0].MemberId, joined.MemberId);
    }

    [Fact]
    public async Task Rebalance_waits_for_an_absent_static_member_and_then_goes_on_without_forgetting_it()
    {
        var members = await _rooms.Stable(2, instances: Instances);
        var third = _rooms.Join();
        var again = _rooms.Join(members[0].MemberId, "one");
        for (var ms = 0; ms <= Party.RebalanceMs; ms += 1_000)
        {
            _rooms.Heartbeat(members[1], "two");
            _rooms.PassMs(1_000);
        }
        Assert.Equal(3, (await again.Now()).Members.Count);
        Assert.Equal(2, (await third.Now()).Generation);

        // Nobody hears of it: its session ends, and now its place is free.
        await _rooms.SyncAll([await again, await third], ["one", null]);
        for (var ms = 0; ms <= Party.SessionMs; ms += 1_000)
        {
            _rooms.Heartbeat(await again, "one");
            _rooms.Heartbeat(await third);
            _rooms.PassMs(1_000);
        }
        Assert.Equal(2, _rooms.Groups.Describe("g").Members.Count);
        Assert.Equal("PreparingRebalance", _rooms.State());
    }

    [Fact]
    public async Task Rebalance_without_its_static_leader_elects_one_who_came()
    {
        var members = await _rooms.Stable(2, instances: Instances);
        var again = _rooms.Join(members[1].MemberId, "two", protocols: [("range", [1])]);
        for (var ms = 0; ms <= Party.RebalanceMs; ms += 1_000)
        {
            _rooms.Heartbeat(members[0], "one");
            _rooms.PassMs(1_000);
        }
        var joined = await again.Now();
        Assert.Equal((members[1].MemberId, 2), (joined.Leader, joined.Members.Count));
        Assert.Equal(ErrorCode.None, (await _rooms.Sync(joined, "two").Now()).Error);
    }

    [Fact]
    public async Task Rebalance_to_which_only_absent_static_members_belong_waits_on()
    {
        var members = await _rooms.Stable(2, instances: Instances);
        _ = _rooms.Leave(members[0].MemberId, "one");
        for (var ms = 0; ms <= 2 * Party.RebalanceMs; ms += 1_000)
        {
            Assert.Equal(ErrorCode.RebalanceInProgress, _rooms.Heartbeat(members[1], "two"));
            _rooms.PassMs(1_000);
        }
        Assert.Equal(2, (await _rooms.Join(members[1].MemberId, "two").Now()).Generation);
    }
}
