using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Tests.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Groups;

public sealed class OffsetTests : IDisposable
{
    private Rooms _rooms = new();

    public void Dispose() => _rooms.Dispose();

    [Fact]
    public void Commit_without_a_group_keeps_all_that_was_said()
    {
        var plan = new string('p', OffsetEntry.MaxMetadataLength);
        var answer = _rooms.Groups.Commit(new CommitRequest("g", -1, "", null,
        [
            new OffsetToCommit("t", 0, 5, 7, plan), new OffsetToCommit("t", 1, 6, -1, null), new OffsetToCommit("t", 2, 9, -1, plan + "p"),
        ]));
        Assert.Equal((ErrorCode.None, 1), (answer.Error, answer.Entry));
        Assert.Equal([ErrorCode.None, ErrorCode.None, ErrorCode.OffsetMetadataTooLarge], answer.Partitions);

        _rooms = _rooms.Restart();
        Assert.Equal(
            [
                new FetchedOffset("t", 2, -1, -1, "", ErrorCode.None), new FetchedOffset("t", 1, 6, -1, "", ErrorCode.None),
                new FetchedOffset("t", 0, 5, 7, plan, ErrorCode.None),
            ],
            _rooms.Groups.Fetch("g", [("t", 2), ("t", 1), ("t", 0)], requireStable: true));
        Assert.Equal(2, _rooms.Groups.Fetch("g", null, requireStable: true).Count);
        Assert.Empty(_rooms.Groups.Fetch("other", null, requireStable: true));
        Assert.Equal(new GroupListing("g", "", "Empty"), Assert.Single(_rooms.Groups.List()));
        Assert.Equal("Empty", _rooms.State());
    }

    [Fact]
    public void Commit_nothing_acceptable_journals_nothing()
    {
        var answer = _rooms.Groups.Commit(new CommitRequest("g", -1, "", null, [new OffsetToCommit("t", 0, 1, -1, new string('x', 5_000))]));
        Assert.Equal((ErrorCode.None, 0, 0), (answer.Error, answer.Entry, _rooms.Journal.Last));
        Assert.Equal("Dead", _rooms.State());
    }

    [Fact]
    public async Task R8_Restart_former_members_stay_fenced()
    {
        var members = await _rooms.Stable(2, instances: ["one", null]);
        _rooms.Commit(members[1], 5);
        _rooms = _rooms.Restart();

        foreach (var (member, instance) in new[] { (members[0], "one"), (members[1], null) })
        {
            Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Commit(member, 6, instance).Error);
            Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Heartbeat(member, instance));
            Assert.Equal(ErrorCode.UnknownMemberId, (await _rooms.Sync(member, instance).Now()).Error);
            Assert.Equal(ErrorCode.UnknownMemberId, (await _rooms.Join(member.MemberId, instance).Now()).Error);
        }
        Assert.Equal(ErrorCode.None, _rooms.Commit(null, 4).Error);

        // The group comes together again, in the same generation by number: its former member is no member of it.
        var join = _rooms.Join();
        _rooms.PassMs(300);
        Assert.Equal(1, (await join.Now()).Generation);
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Commit(members[1], 6).Error);
        Assert.Equal(4, Assert.Single(_rooms.Groups.Fetch("g", [("t", 0)], false)).Offset);
    }

    [Fact]
    public void Offsets_never_expire()
    {
        _rooms.Commit(null, 5);
        _rooms.Pass(TimeSpan.FromDays(400), stepMs: 3_600_000);
        Assert.Equal(5, Assert.Single(_rooms.Groups.Fetch("g", null, false)).Offset);
    }

    [Fact]
    public void Delete_group_takes_its_offsets_also_after_a_restart()
    {
        _rooms.Commit(null, 5);
        Assert.Equal((ErrorCode.None, 2), _rooms.Groups.Delete("g"));
        Assert.Equal(ErrorCode.GroupIdNotFound, _rooms.Groups.Delete("g").Error);
        _rooms = _rooms.Restart();
        Assert.Empty(_rooms.Groups.List());
        Assert.Empty(_rooms.Groups.Fetch("g", null, false));
    }

    [Fact]
    public void RemoveTopic_takes_its_offsets_of_all_groups()
    {
        _rooms.Groups.Commit(new CommitRequest("g", -1, "", null, [new OffsetToCommit("t", 0, 1, -1, ""), new OffsetToCommit("u", 0, 2, -1, "")]));
        _rooms.Groups.Commit(new CommitRequest("h", -1, "", null, [new OffsetToCommit("t", 3, 1, -1, "")]));
        _rooms.Offsets.RemoveTopic("t");
        Assert.Equal(new FetchedOffset("u", 0, 2, -1, "", ErrorCode.None), Assert.Single(_rooms.Groups.Fetch("g", null, false)));
        Assert.Equal("g", Assert.Single(_rooms.Groups.List()).Group);
    }

    [Fact]
    public void Commit_on_a_failed_disk_changes_nothing()
    {
        _rooms.Commit(null, 5);
        _rooms.Journal.Fails = true;
        Assert.Throws<Metering.LocalBroker.Storage.JournalFailedException>(() => _rooms.Commit(null, 6));
        Assert.Equal(5, Assert.Single(_rooms.Groups.Fetch("g", null, false)).Offset);
    }
}
