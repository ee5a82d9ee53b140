using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Groups;

/// <summary>One member of a group on a connection of its own, call by call, so that a test holds every step in its hand.</summary>
internal sealed class RawGroup(RawConnection connection, string group) : IDisposable
{
    private const short OffsetCommit = 8, OffsetFetch = 9, JoinGroup = 11, Heartbeat = 12, LeaveGroup = 13, SyncGroup = 14;

    public string MemberId { get; set; } = "";

    public string? InstanceId { get; init; }

    public int Generation { get; set; } = -1;

    public string Leader { get; private set; } = "";

    public string Protocol { get; private set; } = "";

    public bool IsLeader => Leader == MemberId;

    /// <summary>For the leader: who is in.</summary>
    public IReadOnlyList<string> Members { get; private set; } = [];

    public static async Task<RawGroup> OpenAsync(BrokerFixture broker, string group, string? instanceId = null)
    {
        var connection = await RawConnection.OpenAsync(broker);
        var member = new RawGroup(connection, group) { InstanceId = instanceId };
        await member.FindCoordinatorAsync();
        return member;
    }

    // The first group of a real Kafka makes the topic that holds its offsets: until then there is no coordinator.
    private async Task FindCoordinatorAsync()
    {
        for (var deadline = Until.In(BrokerFixture.Patience); ; await Task.Delay(50))
        {
            var answer = await connection.CallAsync(10, 2, new RawWriter().String(group).Int8(0));
            answer.Int32();
            if (answer.Int16() == 0)
                return;
            deadline.Check("a coordinator");
        }
    }

    /// <summary>Joins, with the id that the broker gives; returns when the generation has begun.</summary>
    public async Task<short> JoinAsync(int sessionTimeoutMs = 30_000, int rebalanceTimeoutMs = 30_000, string protocolType = "consumer", params string[] protocols)
    {
        while (true)
        {
            var error = await JoinOnceAsync(sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols);
            if (error is not (79 or 14 or 15 or 16)) // MEMBER_ID_REQUIRED brings the id; the others load
                return error;
        }
    }

    public async Task<short> JoinOnceAsync(int sessionTimeoutMs = 30_000, int rebalanceTimeoutMs = 30_000, string protocolType = "consumer", params string[] protocols)
    {
        if (protocols.Length == 0)
            protocols = ["range"];
        var body = new RawWriter().String(group).Int32(sessionTimeoutMs).Int32(rebalanceTimeoutMs).String(MemberId).String(InstanceId).String(protocolType).Int32(protocols.Length);
        foreach (var protocol in protocols)
            body.String(protocol).Bytes([1, 2, 3]);
        var answer = await connection.CallAsync(JoinGroup, 5, body);
        answer.Int32();
        var error = answer.Int16();
        Generation = answer.Int32();
        Protocol = answer.String() ?? "";
        Leader = answer.String() ?? "";
        var id = answer.String() ?? "";
        if (id.Length > 0)
            MemberId = id;
        Members = [.. Enumerable.Range(0, answer.Int32()).Select(_ =>
        {
            var member = answer.String()!;
            answer.String();
            answer.Bytes();
            return member;
        })];
        return error;
    }

    /// <param name="assignments">The leader's; each member gets its text.</param>
    public async Task<(int Error, string Assignment)> SyncAsync(params (string MemberId, string Assignment)[] assignments)
    {
        var body = new RawWriter().String(group).Int32(Generation).String(MemberId).String(InstanceId).Int32(assignments.Length);
        foreach (var (member, assignment) in assignments)
            body.String(member).Bytes(System.Text.Encoding.UTF8.GetBytes(assignment));
        var answer = await connection.CallAsync(SyncGroup, 3, body);
        answer.Int32();
        return (answer.Int16(), System.Text.Encoding.UTF8.GetString(answer.Bytes()));
    }

    public async Task<short> HeartbeatAsync()
    {
        var answer = await connection.CallAsync(Heartbeat, 3, new RawWriter().String(group).Int32(Generation).String(MemberId).String(InstanceId));
        answer.Int32();
        return answer.Int16();
    }

    public async Task<short> LeaveAsync()
    {
        var answer = await connection.CallAsync(LeaveGroup, 3, new RawWriter().String(group).Int32(1).String(MemberId).String(InstanceId));
        answer.Int32();
        var error = answer.Int16();
        if (error != 0 || answer.Int32() == 0)
            return error;
        answer.String();
        answer.String();
        return answer.Int16();
    }

    public async Task<short> CommitAsync(string topic, long offset, string? metadata = null, int? generation = null, string? memberId = null)
    {
        var answer = await connection.CallAsync(OffsetCommit, 7, new RawWriter()
            .String(group).Int32(generation ?? Generation).String(memberId ?? MemberId).String(InstanceId)
            .Int32(1).String(topic).Int32(1).Int32(0).Int64(offset).Int32(-1).String(metadata));
        answer.Int32();
        Assert.Equal(1, answer.Int32());
        Assert.Equal(topic, answer.String());
        Assert.Equal(1, answer.Int32());
        Assert.Equal(0, answer.Int32());
        return answer.Int16();
    }

    /// <summary>Of partition 0; −1 when there is none.</summary>
    public async Task<(long Offset, string? Metadata)> CommittedAsync(string topic)
    {
        var answer = await connection.CallAsync(OffsetFetch, 5, new RawWriter().String(group).Int32(1).String(topic).Int32(1).Int32(0));
        answer.Int32();
        Assert.Equal(1, answer.Int32());
        Assert.Equal(topic, answer.String());
        Assert.Equal(1, answer.Int32());
        Assert.Equal(0, answer.Int32());
        var offset = answer.Int64();
        answer.Int32();
        return (offset, answer.String());
    }

    public void Dispose() => connection.Dispose();
}
