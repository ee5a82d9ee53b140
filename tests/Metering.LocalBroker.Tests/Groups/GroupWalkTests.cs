using System.Globalization;
using System.Text;
using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Tests.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Groups;

/// <summary>Members that come, go, fall silent and come back at random, from a seed. Whatever they do, a generation has one
/// leader and all of its members, each gets what that leader assigned, and once they calm down all have an assignment.</summary>
public sealed class GroupWalkTests
{
    private const int Steps = 1_500;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Walk(int seed)
    {
        using var rooms = new Rooms();
        var walk = new Walk(rooms, new Random(seed));
        for (var step = 0; step < Steps; step++)
        {
            walk.Act();
            await walk.HearAnswers();
        }
        await walk.CalmDown();
        Assert.True(walk.Generations > 20, $"only {walk.Generations} generations in {Steps} steps");
    }
}

/// <summary>A group and its clients, each of which behaves as clients do: join, sync, heartbeat, join again when told so.</summary>
internal sealed class Walk(Rooms rooms, Random random)
{
    private readonly List<Client> _clients = [];
    private readonly List<Task> _asked = [];
    private readonly Dictionary<int, JoinAnswer> _leaders = [];
    private readonly Dictionary<int, Dictionary<string, string>> _assigned = [];
    private int _instances;

    public int Generations => _leaders.Count;

    public void Act()
    {
        var client = _clients.Count > 0 ? _clients[random.Next(_clients.Count)] : null;
        switch (random.Next(100))
        {
            case < 8 when _clients.Count < 12:
                _clients.Add(new Client { Instance = random.Next(3) == 0 ? $"i{_instances++}" : null, Requires = random.Next(2) == 0 });
                break;
            case < 12 when client is not null:
                _clients.Remove(client);
                if (client.MemberId.Length > 0)
                    rooms.Groups.Leave("g", [(client.MemberId, client.Instance)]);
                break;
            case < 15 when client is not null:
                // Dies without a word: its session has to tell. A static one is back at once under the same instance id.
                _clients.Remove(client);
                if (client.Instance is not null && random.Next(2) == 0)
                    _clients.Add(new Client { Instance = client.Instance });
                break;
            case < 20 when client is not null:
                client.Metadata = random.Next();
                Rejoin(client);
                break;
            case < 22 when client is not null:
                // Its connection breaks while it waits; it asks again.
                client.Syncing = null;
                client.Joining = null;
                client.Joined = null;
                break;
            case < 24:
                rooms.PassMs(random.Next(8_000));
                break;
            default:
                rooms.PassMs(random.Next(300));
                break;
        }
        foreach (var each in _clients)
            GoOn(each);
    }

    public async Task HearAnswers()
    {
        foreach (var client in _clients)
        {
            if (client.Joining is { IsCompleted: true } joining)
            {
                client.Joining = null;
                HearJoin(client, await joining);
            }
            if (client.Syncing is { IsCompleted: true } syncing)
            {
                client.Syncing = null;
                HearSync(client, await syncing);
            }
        }
    }

    /// <summary>From here on nobody comes or goes; within the rebalance timeouts all must have an assignment of one generation.</summary>
    public async Task CalmDown()
    {
        if (_clients.Count == 0)
            _clients.Add(new Client());
        for (var passedMs = 0; passedMs < 4 * Party.RebalanceMs; passedMs += 500)
        {
            foreach (var client in _clients)
                GoOn(client);
            await HearAnswers();
            rooms.PassMs(500);
        }
        Assert.Equal("Stable", rooms.State());
        Assert.All(_asked, task => Assert.True(task.IsCompleted, "a task waits for ever"));
        var generation = Assert.Single(_clients.Select(c => c.Joined?.Generation ?? -1).Distinct());
        Assert.All(_clients, c => Assert.True(c is { Joining: null, Syncing: null, Assigned: true }));
        Assert.Equal(
            _clients.Select(c => c.MemberId).Order(StringComparer.Ordinal), _leaders[generation].Members.Select(m => m.MemberId).Order(StringComparer.Ordinal));
    }

    private void GoOn(Client client)
    {
        if (client.Joining is not null || client.Syncing is not null)
            return;
        if (client.Joined is not { } joined)
        {
            Rejoin(client);
            return;
        }
        if (client.Assigned)
        {
            HearHeartbeat(client, rooms.Heartbeat(joined, client.Instance));
            return;
        }
        if (joined.Members.Count > 0)
            _assigned[joined.Generation] = joined.Members.ToDictionary(m => m.MemberId, m => $"{m.MemberId}@{joined.Generation}", StringComparer.Ordinal);
        client.Syncing = rooms.Sync(joined, client.Instance);
        _asked.Add(client.Syncing);
    }

    private void Rejoin(Client client)
    {
        if (client.Joining is not null)
            return;
        client.Syncing = null;
        client.Joined = null;
        client.Assigned = false;
        var metadata = Encoding.UTF8.GetBytes(client.Metadata.ToString(CultureInfo.InvariantCulture));
        client.Joining = rooms.Join(client.MemberId, client.Instance, [("range", metadata)], client.Requires);
        _asked.Add(client.Joining);
    }

    private void HearJoin(Client client, JoinAnswer answer)
    {
        client.Joined = null;
        client.Assigned = false;
        if (answer.Error == ErrorCode.MemberIdRequired)
        {
            client.MemberId = answer.MemberId;
            return;
        }
        if (answer.Error != ErrorCode.None)
        {
            Assert.Contains(answer.Error, new[] { ErrorCode.UnknownMemberId, ErrorCode.RebalanceInProgress, ErrorCode.FencedInstanceId });
            if (answer.Error != ErrorCode.RebalanceInProgress)
                client.MemberId = "";
            return;
        }
        (client.MemberId, client.Joined) = (answer.MemberId, answer);
        if (answer.Members.Count > 0)
        {
            Assert.Equal(answer.MemberId, answer.Leader);
            if (_leaders.TryGetValue(answer.Generation, out var other))
                Assert.Equal(other.MemberId, answer.MemberId);
            _leaders[answer.Generation] = answer;
            Assert.Equal(answer.Members.Count, answer.Members.Select(m => m.MemberId).Distinct().Count());
            Assert.Contains(answer.Members, m => m.MemberId == answer.MemberId);
        }
    }

    private void HearSync(Client client, SyncAnswer answer)
    {
        if (answer.Error == ErrorCode.None)
        {
            client.Assigned = true;
            var assigned = Encoding.UTF8.GetString(answer.Assignment);
            // A static member that took over a place has what its predecessor was assigned.
            var possible = client.Instance is null
                ? [$"{client.MemberId}@{client.Joined!.Generation}"]
                : _assigned[client.Joined!.Generation].Values.Where(a => a.StartsWith(client.Instance + "-", StringComparison.Ordinal)).ToArray();
            Assert.Contains(assigned, possible);
            return;
        }
        HearHeartbeat(client, answer.Error);
    }

    private static void HearHeartbeat(Client client, ErrorCode error)
    {
        if (error == ErrorCode.None)
            return;
        Assert.Contains(error, new[] { ErrorCode.UnknownMemberId, ErrorCode.RebalanceInProgress, ErrorCode.IllegalGeneration, ErrorCode.FencedInstanceId });
        if (error != ErrorCode.RebalanceInProgress)
            client.MemberId = "";
        client.Joined = null;
        client.Assigned = false;
    }

    private sealed class Client
    {
        public string? Instance { get; init; }

        public bool Requires { get; init; }

        public string MemberId { get; set; } = "";

        public int Metadata { get; set; }

        public Task<JoinAnswer>? Joining { get; set; }

        public Task<SyncAnswer>? Syncing { get; set; }

        public JoinAnswer? Joined { get; set; }

        public bool Assigned { get; set; }
    }
}
