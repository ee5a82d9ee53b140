using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Tests.Groups;
using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Transactions;

public sealed class TransactionTests : IDisposable
{
    private Rooms _rooms = new();

    public void Dispose() => _rooms.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void End_is_one_entry_for_markers_and_offsets(bool commit)
    {
        var producer = _rooms.Init();
        _rooms.Groups.Commit(Party.Request(null, 1));
        Assert.Equal([ErrorCode.None, ErrorCode.None], _rooms.Transactions.AddPartitions(producer, [("t", 2), ("u", 0)]).Partitions);
        Assert.Equal(ErrorCode.None, _rooms.Add(producer, "t", 1));
        Assert.Equal(ErrorCode.None, _rooms.Transactions.AddOffsets(producer, "g").Error);
        Assert.Equal([ErrorCode.None], _rooms.Send(producer, 8).Partitions);
        Assert.Equal([ErrorCode.None], _rooms.Send(producer, 9).Partitions);
        Assert.Equal((-2, 1), (_rooms.Committed(), _rooms.Committed(requireStable: false)));

        var entries = _rooms.Journal.Last;
        Assert.Equal((ErrorCode.None, entries + 1), _rooms.Transactions.End(producer, commit));
        Assert.Equal(EntryKind.EndTransaction, _rooms.Journal.Entries[^1].Kind);
        Assert.Equal([("t", 2), ("u", 0), ("t", 1)], _rooms.Partitions.Markers.Select(m => (m.Topic, m.Partition)));
        Assert.All(_rooms.Partitions.Markers, m => Assert.Equal((producer.ProducerId, producer.Epoch, commit), (m.ProducerId, m.Epoch, m.Commit)));
        Assert.Equal(commit ? 9 : 1, _rooms.Committed());
        Assert.Equal(commit ? "CompleteCommit" : "CompleteAbort", _rooms.TxnState());

        // Cut just before that entry, nothing of the end has happened.
        _rooms.Journal.Entries.RemoveAt(_rooms.Journal.Entries.Count - 1);
        _rooms = _rooms.Restart();
        Assert.Empty(_rooms.Partitions.Markers);
        Assert.Equal(("Ongoing", -2), (_rooms.TxnState(), _rooms.Committed()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void End_again_says_the_same_and_the_other_outcome_is_refused(bool commit)
    {
        var producer = _rooms.Init();
        Assert.Equal(ErrorCode.InvalidTxnState, _rooms.End(producer, commit));
        _rooms.Add(producer);
        Assert.Equal(ErrorCode.None, _rooms.End(producer, commit));
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal((ErrorCode.None, _rooms.Journal.Last), _rooms.Transactions.End(producer, commit));
            Assert.Equal(ErrorCode.InvalidTxnState, _rooms.End(producer, !commit));
            _rooms = _rooms.Restart();
        }
        Assert.Single(_rooms.Partitions.Markers);
        Assert.Equal(ErrorCode.None, _rooms.Add(producer));
        Assert.Equal(ErrorCode.None, _rooms.End(producer, !commit));
        Assert.Equal(2, _rooms.Partitions.Markers.Count);
    }

    [Fact]
    public void End_leaves_nothing_of_it_in_the_next()
    {
        var producer = _rooms.Init();
        _rooms.Add(producer);
        _rooms.Transactions.AddOffsets(producer, "g");
        _rooms.End(producer);
        _rooms.Add(producer, "u");
        Assert.Equal(ErrorCode.InvalidTxnState, _rooms.Send(producer, 1).Error);
        Assert.Equal(ErrorCode.InvalidTxnState, _rooms.CheckAppend(producer));
        _rooms.End(producer);
        Assert.Equal(["t", "u"], _rooms.Partitions.Markers.Select(m => m.Topic));
    }

    [Fact]
    public void AddPartitions_one_unknown_adds_none()
    {
        var producer = _rooms.Init();
        var (errors, entry) = _rooms.Transactions.AddPartitions(producer, [("t", 0), ("missing", 0), ("t", 4)]);
        Assert.Equal([ErrorCode.OperationNotAttempted, ErrorCode.UnknownTopicOrPartition, ErrorCode.UnknownTopicOrPartition], errors);
        Assert.Equal((0, "Empty"), (entry, _rooms.TxnState()));
        Assert.Empty(_rooms.Transactions.AddPartitions(producer, []).Partitions);
    }

    [Fact]
    public void AddPartitions_again_journals_nothing_and_waits_for_what_is_there()
    {
        var producer = _rooms.Init();
        _rooms.Add(producer);
        var entries = _rooms.Journal.Last;
        Assert.Equal(entries, _rooms.Transactions.AddPartitions(producer, [("t", 0)]).Entry);
        Assert.Equal(entries, _rooms.Journal.Last);
        Assert.Equal(entries + 1, _rooms.Transactions.AddOffsets(producer, "g").Entry);
        Assert.Equal(entries + 1, _rooms.Transactions.AddOffsets(producer, "g").Entry);
    }

    [Theory]
    [InlineData("unknown", nameof(ErrorCode.InvalidProducerIdMapping))]
    [InlineData("id", nameof(ErrorCode.InvalidProducerIdMapping))]
    [InlineData("epoch", nameof(ErrorCode.ProducerFenced))]
    [InlineData("later", nameof(ErrorCode.ProducerFenced))]
    [InlineData("nameless", nameof(ErrorCode.InvalidRequest))]
    public void Stranger_is_refused_by_each_call(string who, string error)
    {
        var holder = _rooms.Init();
        _rooms.Add(holder);
        var stranger = who switch
        {
            "unknown" => holder with { TransactionalId = "other" },
            "id" => holder with { ProducerId = 9 },
            "epoch" => holder with { Epoch = -1 },
            "later" => holder with { Epoch = 1 },
            _ => holder with { TransactionalId = "" },
        };
        var ofLog = error == nameof(ErrorCode.ProducerFenced) ? nameof(ErrorCode.InvalidProducerEpoch) : error;
        Assert.Equal(error, _rooms.Add(stranger).ToString());
        Assert.Equal(error, _rooms.Transactions.AddOffsets(stranger, "g").Error.ToString());
        Assert.Equal(error, _rooms.End(stranger).ToString());
        Assert.Equal(ofLog, _rooms.Send(stranger, 1).Error.ToString());
        Assert.Equal(ofLog, _rooms.CheckAppend(stranger).ToString());
        Assert.Equal("Ongoing", _rooms.TxnState());
    }

    [Fact]
    public void Each_state_with_each_call()
    {
        foreach (var state in Enum.GetValues<TransactionState>())
        {
            using var rooms = new Rooms();
            var producer = rooms.Init();
            if (state != TransactionState.Empty)
                rooms.Add(producer);
            if (state is TransactionState.CompleteCommit or TransactionState.CompleteAbort)
                rooms.End(producer, state == TransactionState.CompleteCommit);
            Assert.Equal(state.ToString(), rooms.TxnState());

            Assert.Equal(state == TransactionState.Ongoing ? ErrorCode.None : ErrorCode.InvalidTxnState, rooms.CheckAppend(producer));
            Assert.Equal(ErrorCode.InvalidTxnState, rooms.CheckAppend(producer, "t", 1));
            Assert.Equal(ErrorCode.InvalidTxnState, rooms.Send(producer, 1).Error);
            Assert.Equal(ErrorCode.None, rooms.Transactions.AddOffsets(producer, "g").Error);
            Assert.Equal(ErrorCode.InvalidTxnState, rooms.Send(producer, 1, group: "other").Error);
            Assert.Equal(ErrorCode.None, rooms.Send(producer, 1).Error);
            Assert.Equal(ErrorCode.None, rooms.End(producer));
            Assert.Equal(1, rooms.Committed());
        }
    }

    [Fact]
    public async Task R8_CommitOffsets_of_a_former_generation_is_refused()
    {
        var members = await _rooms.Stable(2);
        var producer = _rooms.Init();
        _rooms.Transactions.AddOffsets(producer, "g");
        Assert.Equal(ErrorCode.None, _rooms.Send(producer, 5, members[1]).Error);
        Assert.Equal(ErrorCode.IllegalGeneration, _rooms.Send(producer, 6, members[1] with { Generation = 0 }).Error);
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Send(producer, 6, members[1] with { MemberId = "zombie" }).Error);
        _rooms.Leave(members[1].MemberId);
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Send(producer, 7, members[1]).Error);
        Assert.Equal(ErrorCode.None, _rooms.End(producer));
        Assert.Equal(5, _rooms.Committed());

        _rooms.Transactions.AddOffsets(producer, "g");
        _rooms = _rooms.Restart();
        Assert.Equal(ErrorCode.UnknownMemberId, _rooms.Send(producer, 8, members[0]).Error);
        Assert.Equal(ErrorCode.None, _rooms.End(producer, commit: false));
        Assert.Equal(5, _rooms.Committed());
    }

    [Fact]
    public void CommitOffsets_checks_each_partition()
    {
        var producer = _rooms.Init();
        _rooms.Transactions.AddOffsets(producer, "g");
        var answer = _rooms.Transactions.CommitOffsets(producer, new LocalBroker.Groups.CommitRequest("g", -1, "", null,
        [
            new("t", 0, 5, -1, null), new("missing", 0, 5, -1, null), new("t", 1, 5, -1, new string('x', 4_097)),
        ]));
        Assert.Equal([ErrorCode.None, ErrorCode.UnknownTopicOrPartition, ErrorCode.OffsetMetadataTooLarge], answer.Partitions);
        Assert.Equal(_rooms.Journal.Last, answer.Entry);
    }

    [Fact]
    public void Offsets_pending_of_two_producers_do_not_mix()
    {
        var (a, b) = (_rooms.Init("a"), _rooms.Init("b"));
        foreach (var producer in new[] { a, b })
        {
            _rooms.Transactions.AddOffsets(producer, "g");
            _rooms.Send(producer, producer == a ? 10 : 20);
        }
        Assert.Equal(ErrorCode.None, _rooms.End(a));
        Assert.Equal((-2, 10), (_rooms.Committed(), _rooms.Committed(requireStable: false)));
        Assert.Equal(ErrorCode.None, _rooms.End(b, commit: false));
        Assert.Equal(10, _rooms.Committed());
    }

    [Fact]
    public void Offsets_committed_plainly_after_those_sent_stay()
    {
        var producer = _rooms.Init();
        _rooms.Transactions.AddOffsets(producer, "g");
        _rooms.Send(producer, 5);
        _rooms.Groups.Commit(Party.Request(null, 7));
        _rooms.End(producer);
        Assert.Equal(7, _rooms.Committed());
    }

    [Fact]
    public void Offsets_of_a_group_or_topic_removed_meanwhile_do_not_come_back()
    {
        var producer = _rooms.Init();
        _rooms.Transactions.AddOffsets(producer, "g");
        _rooms.Transactions.AddOffsets(producer, "h");
        _rooms.Send(producer, 5);
        _rooms.Send(producer, 5, group: "h");
        Assert.Equal(ErrorCode.None, _rooms.Groups.Delete("g").Error);
        _rooms.Offsets.RemoveTopic("t");
        Assert.Equal(ErrorCode.None, _rooms.End(producer));
        Assert.Empty(_rooms.Groups.List());
    }

    [Fact]
    public void Topic_deleted_meanwhile_gets_no_marker()
    {
        var producer = _rooms.Init();
        _rooms.Transactions.AddPartitions(producer, [("t", 0), ("u", 0)]);
        _rooms.Partitions.Missing.Add("t");
        Assert.Equal(ErrorCode.None, _rooms.End(producer));
        Assert.Equal("u", Assert.Single(_rooms.Partitions.Markers).Topic);
    }

    [Fact]
    public void Describe_and_list()
    {
        var producer = _rooms.Init();
        var startedAtMs = _rooms.Time.GetUtcNow().ToUnixTimeMilliseconds();
        _rooms.Transactions.AddPartitions(producer, [("t", 1), ("u", 2)]);
        _rooms.Init("other");
        var described = _rooms.Transactions.Describe("tx");
        Assert.Equal(
            (ErrorCode.None, "Ongoing", Txn.TimeoutMs, startedAtMs, producer.ProducerId, producer.Epoch),
            (described.Error, described.State, described.TimeoutMs, described.StartedAtMs, described.ProducerId, described.Epoch));
        Assert.Equal([("t", 1), ("u", 2)], described.Partitions);
        Assert.Equal([new("tx", producer.ProducerId, "Ongoing"), new("other", producer.ProducerId + 1, "Empty")], _rooms.Transactions.List());
        Assert.Equal(ErrorCode.TransactionalIdNotFound, _rooms.Transactions.Describe("nobody").Error);
        Assert.Equal(ErrorCode.InvalidRequest, _rooms.Transactions.Describe("").Error);
        _rooms.End(producer);
        Assert.Empty(_rooms.Transactions.Describe("tx").Partitions);
    }
}
