using System.Text;
using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Tests.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Groups;

/// <summary>What members of the group "g" say, with the fields that a test does not care about filled in.</summary>
internal static class Party
{
    public const int SessionMs = 10_000;

    public const int RebalanceMs = 30_000;

    public static (string, byte[])[] Protocols(params string[] names) => [.. names.Select(name => (name, Encoding.UTF8.GetBytes(name)))];

    public static Task<JoinAnswer> Join(
        this Rooms rooms, string memberId = "", string? instanceId = null, (string, byte[])[]? protocols = null, bool requireId = false,
        int sessionMs = SessionMs, int rebalanceMs = RebalanceMs, string type = "consumer", string group = "g", bool canSkip = false) =>
        rooms.Groups.JoinAsync(new JoinRequest(
            group, memberId, instanceId, "client", "/127.0.0.1", sessionMs, rebalanceMs, type, protocols ?? Protocols("range"), requireId, canSkip));

    public static Task<SyncAnswer> Sync(this Rooms rooms, JoinAnswer joined, string? instanceId = null, string group = "g")
    {
        // A leader assigns to each member its own id, and the generation.
        var assignments = joined.Members.Select(m => (m.MemberId, Encoding.UTF8.GetBytes($"{m.MemberId}@{joined.Generation}"))).ToArray();
        return rooms.Groups.SyncAsync(new SyncRequest(group, joined.Generation, joined.MemberId, instanceId, assignments));
    }

    public static ErrorCode Heartbeat(this Rooms rooms, JoinAnswer joined, string? instanceId = null) =>
        rooms.Groups.Heartbeat("g", joined.Generation, joined.MemberId, instanceId);

    public static CommitAnswer Commit(this Rooms rooms, JoinAnswer? joined, long offset, string? instanceId = null) =>
        rooms.Groups.Commit(Request(joined, offset, instanceId));

    public static CommitRequest Request(JoinAnswer? joined, long offset, string? instanceId = null, string group = "g") =>
        new(group, joined?.Generation ?? -1, joined?.MemberId ?? "", instanceId, [new OffsetToCommit("t", 0, offset, -1, "m")]);

    public static ErrorCode Leave(this Rooms rooms, string memberId, string? instanceId = null)
    {
        var (error, members) = rooms.Groups.Leave("g", [(memberId, instanceId)]);
        return error == ErrorCode.None ? Assert.Single(members) : error;
    }

    public static string State(this Rooms rooms) => rooms.Groups.Describe("g").State;

    /// <summary>What a task that must be complete says; a defect fails the test at once instead of hanging it.</summary>
    public static async Task<T> Now<T>(this Task<T> task)
    {
        Assert.True(task.IsCompleted, "it still waits");
        return await task;
    }

    /// <summary>So many members that form a stable group; the first leads.</summary>
    public static async Task<JoinAnswer[]> Stable(this Rooms rooms, int members, (string, byte[])[]? protocols = null, string?[]? instances = null)
    {
        var joins = Enumerable.Range(0, members).Select(i => rooms.Join(instanceId: instances?[i], protocols: protocols)).ToArray();
        rooms.PassMs(300);
        var joined = new JoinAnswer[members];
        for (var i = 0; i < members; i++)
            joined[i] = await joins[i].Now();
        await rooms.SyncAll(joined, instances);
        Assert.Equal("Stable", rooms.State());
        return joined;
    }

    /// <summary>All ask for their assignment, the leader last; each gets its own.</summary>
    public static async Task SyncAll(this Rooms rooms, JoinAnswer[] joined, string?[]? instances = null)
    {
        var order = joined.Select((j, i) => (Joined: j, Instance: instances?[i])).OrderBy(x => x.Joined.Leader == x.Joined.MemberId).ToArray();
        var syncs = order.Select(x => rooms.Sync(x.Joined, x.Instance)).ToArray();
        for (var i = 0; i < order.Length; i++)
        {
            var answer = await syncs[i].Now();
            Assert.Equal((ErrorCode.None, $"{order[i].Joined.MemberId}@{order[i].Joined.Generation}"), (answer.Error, Encoding.UTF8.GetString(answer.Assignment)));
        }
    }
}
