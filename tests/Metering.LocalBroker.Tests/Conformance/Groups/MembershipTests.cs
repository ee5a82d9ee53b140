using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Groups;

public sealed class RealMembershipTests(RealFixture broker) : MembershipTests(broker);

public sealed class LocalMembershipTests(LocalFixture broker) : MembershipTests(broker);

/// <summary>The group protocol step by step: ids, generations, who is told what.</summary>
public abstract class MembershipTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private readonly string _group = BrokerFixture.Unique("group");

    private Task<RawGroup> OpenAsync(string? instanceId = null) => RawGroup.OpenAsync(Broker, _group, instanceId);

    // One member, stable.
    private async Task<RawGroup> AloneAsync(string? instanceId = null)
    {
        var member = await OpenAsync(instanceId);
        Assert.Equal(0, await member.JoinAsync());
        Assert.True(member.IsLeader);
        Assert.Equal((0, "all"), await member.SyncAsync((member.MemberId, "all")));
        return member;
    }

    // The second joins, the first joins again; both synced. Who leads may change hands.
    private static async Task JoinTogetherAsync(RawGroup first, RawGroup second)
    {
        if (second.MemberId.Length == 0 && second.InstanceId is null)
            Assert.Equal(79, await second.JoinOnceAsync());
        var joining = second.JoinAsync();
        await Until.TrueAsync(async () => await first.HeartbeatAsync() == 27, "the first to be told of the rebalance");
        Assert.Equal(0, await first.JoinAsync());
        Assert.Equal(0, await joining);
        Assert.Equal(first.Generation, second.Generation);
        var (leader, follower) = first.IsLeader ? (first, second) : (second, first);
        Assert.True(leader.IsLeader);
        var waiting = follower.SyncAsync();
        Assert.Equal((0, "leader's"), await leader.SyncAsync((leader.MemberId, "leader's"), (follower.MemberId, "follower's")));
        Assert.Equal((0, "follower's"), await waiting);
    }

    [Fact]
    public async Task First_join_gets_an_id_and_the_second_with_it_the_group()
    {
        using var member = await OpenAsync();
        Assert.Equal(79, await member.JoinOnceAsync());
        Assert.NotEqual("", member.MemberId);
        var id = member.MemberId;
        Assert.Equal(0, await member.JoinOnceAsync(protocols: ["sticky", "range"]));
        Assert.Equal((id, id, "sticky"), (member.MemberId, member.Leader, member.Protocol));
        Assert.Equal([id], member.Members);
        Assert.True(member.Generation >= 1);
    }

    [Fact]
    public async Task Second_member_makes_a_generation_in_which_both_get_their_share()
    {
        using var first = await AloneAsync();
        using var second = await OpenAsync();
        var before = first.Generation;
        await JoinTogetherAsync(first, second);
        Assert.True(first.Generation > before);
        Assert.Equal(0, await first.HeartbeatAsync());
        Assert.Equal(0, await second.HeartbeatAsync());
        // What the group has replaced is told so.
        second.Generation--;
        Assert.Equal(22, await second.HeartbeatAsync());
        second.MemberId = "nobody";
        Assert.Equal(25, await second.HeartbeatAsync());
    }

    [Fact]
    public async Task Member_that_leaves_is_gone_at_once_and_the_others_are_told()
    {
        using var first = await AloneAsync();
        using var second = await OpenAsync();
        await JoinTogetherAsync(first, second);
        Assert.Equal(0, await second.LeaveAsync());
        Assert.Equal(27, await first.HeartbeatAsync());
        Assert.Equal(0, await first.JoinAsync());
        Assert.Equal([first.MemberId], first.Members);
        Assert.Equal(25, await second.HeartbeatAsync());
        Assert.Equal(25, await second.LeaveAsync());
    }

    [Fact]
    public async Task Member_that_is_silent_for_its_session_is_put_out()
    {
        using var silent = await OpenAsync();
        Assert.Equal(0, await silent.JoinAsync(sessionTimeoutMs: 6_000));
        Assert.Equal(0, (await silent.SyncAsync((silent.MemberId, "all"))).Error);
        using var second = await OpenAsync();
        // It waits for the silent one, which never joins again: its session ends first.
        Assert.Equal(0, await second.JoinAsync(rebalanceTimeoutMs: 60_000));
        Assert.Equal([second.MemberId], second.Members);
        Assert.Equal(25, await silent.HeartbeatAsync());
    }

    [Fact]
    public async Task Member_that_lives_but_does_not_rejoin_is_put_out_after_the_rebalance_timeout()
    {
        using var first = await OpenAsync();
        Assert.Equal(0, await first.JoinAsync(sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 2_000));
        Assert.Equal(0, (await first.SyncAsync((first.MemberId, "all"))).Error);
        using var second = await OpenAsync();
        var joining = second.JoinAsync(rebalanceTimeoutMs: 2_000);
        await Until.TrueAsync(async () => await first.HeartbeatAsync() is 25, "the first to be put out");
        Assert.Equal(0, await joining);
        Assert.Equal([second.MemberId], second.Members);
    }

    [Fact]
    public async Task Static_member_that_comes_back_keeps_its_place_and_the_one_before_is_fenced()
    {
        using var first = await AloneAsync("instance-1");
        using var again = await OpenAsync("instance-1");
        Assert.Equal(0, await again.JoinAsync());
        Assert.NotEqual(first.MemberId, again.MemberId);
        // The generation goes on: nothing is reassigned.
        Assert.Equal(first.Generation, again.Generation);
        Assert.Equal(82, await first.HeartbeatAsync());
        Assert.Equal(82, await first.CommitAsync(await Broker.CreateTopicAsync(), 1));
        Assert.Equal((0, "all"), await again.SyncAsync());
        Assert.Equal(0, await again.HeartbeatAsync());
    }

    [Fact]
    public async Task Join_with_what_does_not_fit_the_group_is_refused_by_its_own_code()
    {
        using var first = await AloneAsync();
        using var other = await OpenAsync();
        Assert.Equal(23, await other.JoinAsync(protocols: ["another"]));
        Assert.Equal(23, await other.JoinAsync(protocolType: "connect"));
        Assert.Equal(26, await other.JoinAsync(sessionTimeoutMs: 10));
        Assert.Equal(26, await other.JoinAsync(sessionTimeoutMs: 100_000_000));
        other.MemberId = "nobody";
        Assert.Equal(25, await other.JoinAsync());
        using var nameless = await RawConnection.OpenAsync(Broker);
        using var empty = new RawGroup(nameless, "");
        Assert.Equal(24, await empty.JoinAsync());
        Assert.Equal(0, await first.HeartbeatAsync());
    }

    [Fact]
    public async Task Protocol_is_one_that_all_members_know()
    {
        using var first = await OpenAsync();
        Assert.Equal(0, await first.JoinAsync(protocols: ["sticky", "range"]));
        Assert.Equal("sticky", first.Protocol);
        Assert.Equal(0, (await first.SyncAsync((first.MemberId, "all"))).Error);
        using var second = await OpenAsync();
        Assert.Equal(79, await second.JoinOnceAsync());
        var joining = second.JoinAsync(protocols: ["range", "other"]);
        await Until.TrueAsync(async () => await first.HeartbeatAsync() == 27, "the rebalance");
        Assert.Equal(0, await first.JoinAsync(protocols: ["sticky", "range"]));
        Assert.Equal(0, await joining);
        Assert.Equal(("range", "range"), (first.Protocol, second.Protocol));
    }

    [Fact]
    public async Task Commit_is_fenced_by_member_and_generation()
    {
        var topic = await Broker.CreateTopicAsync();
        using var member = await AloneAsync();
        Assert.Equal((-1, ""), await member.CommittedAsync(topic));
        Assert.Equal(0, await member.CommitAsync(topic, 5, "five"));
        Assert.Equal(22, await member.CommitAsync(topic, 6, generation: member.Generation + 1));
        Assert.Equal(22, await member.CommitAsync(topic, 6, generation: member.Generation - 1));
        Assert.Equal(25, await member.CommitAsync(topic, 6, memberId: "nobody"));
        // Whoever is no member may not commit while there are members.
        Assert.Equal(25, await member.CommitAsync(topic, 6, generation: -1, memberId: ""));
        Assert.Equal((5, "five"), await member.CommittedAsync(topic));
        Assert.Equal(12, await member.CommitAsync(topic, 6, new string('x', 4_097)));
        Assert.Equal(0, await member.CommitAsync(topic, 6, new string('x', 4_096)));
        Assert.Equal((6, new string('x', 4_096)), await member.CommittedAsync(topic));
        Assert.Equal(0, await member.LeaveAsync());
        Assert.Equal(0, await member.CommitAsync(topic, 7, generation: -1, memberId: ""));
        Assert.Equal((7, ""), await member.CommittedAsync(topic));
    }

    [Fact]
    public async Task Commit_while_the_group_rebalances_is_taken_from_a_member_that_has_not_joined_again()
    {
        var topic = await Broker.CreateTopicAsync();
        using var first = await AloneAsync();
        using var second = await OpenAsync();
        Assert.Equal(79, await second.JoinOnceAsync());
        var joining = second.JoinAsync();
        await Until.TrueAsync(async () => await first.HeartbeatAsync() == 27, "the rebalance");
        Assert.Equal(0, await first.CommitAsync(topic, 11));
        Assert.Equal(0, await first.JoinAsync());
        Assert.Equal(0, await joining);
        // Between join and sync nobody owns anything.
        Assert.Equal(27, await first.CommitAsync(topic, 12));
        Assert.Equal((11, ""), await first.CommittedAsync(topic));
    }

    [Fact]
    public async Task Sync_of_an_old_generation_or_of_nobody_is_refused()
    {
        using var member = await AloneAsync();
        member.Generation--;
        Assert.Equal(22, (await member.SyncAsync((member.MemberId, "x"))).Error);
        member.Generation++;
        // Asked again it is told the same.
        Assert.Equal((0, "all"), await member.SyncAsync());
        member.MemberId = "nobody";
        Assert.Equal(25, (await member.SyncAsync()).Error);
    }
}
