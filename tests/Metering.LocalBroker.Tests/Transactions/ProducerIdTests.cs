using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Transactions;

public sealed class ProducerIdTests : IDisposable
{
    private Rooms _rooms = new();

    public void Dispose() => _rooms.Dispose();

    [Fact]
    public void Init_ids_never_repeat_also_after_restarts()
    {
        var seen = new HashSet<long>();
        Checkpoint? checkpoint = null;
        for (var i = 0; i < 40; i++)
        {
            var answer = _rooms.Transactions.InitProducerId(i % 3 == 0 ? $"tx{i}" : null, Txn.TimeoutMs, -1, -1);
            Assert.Equal((ErrorCode.None, (short)0, _rooms.Journal.Last), (answer.Error, answer.Epoch, answer.Entry));
            Assert.True(seen.Add(answer.ProducerId));
            if (i % 10 == 3)
                checkpoint = _rooms.Save();
            if (i % 5 == 4)
                _rooms = _rooms.Restart(checkpoint);
        }
    }

    [Fact]
    public void Init_out_of_bounds_is_refused()
    {
        foreach (var (id, timeoutMs, producerId, epoch, error) in new (string, int, long, short, ErrorCode)[]
        {
            ("", Txn.TimeoutMs, -1, -1, ErrorCode.InvalidRequest),
            ("tx", 0, -1, -1, ErrorCode.InvalidTransactionTimeout),
            ("tx", -1, -1, -1, ErrorCode.InvalidTransactionTimeout),
            ("tx", TransactionCoordinator.MaxTimeoutMs + 1, -1, -1, ErrorCode.InvalidTransactionTimeout),
            ("tx", Txn.TimeoutMs, 5, -1, ErrorCode.InvalidRequest),
            ("tx", Txn.TimeoutMs, -1, 5, ErrorCode.InvalidRequest),
        })
        {
            Assert.Equal(new InitAnswer(error, -1, -1, 0), _rooms.Transactions.InitProducerId(id, timeoutMs, producerId, epoch));
        }
        Assert.Equal(0, _rooms.Journal.Last);
    }

    [Fact]
    public void Init_again_fences_the_former_producer_everywhere()
    {
        var zombie = _rooms.Init();
        Assert.Equal(ErrorCode.None, _rooms.Add(zombie));
        Assert.Equal(ErrorCode.None, _rooms.End(zombie));
        var holder = _rooms.Init();
        Assert.Equal((zombie.ProducerId, (short)(zombie.Epoch + 1)), (holder.ProducerId, holder.Epoch));

        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Add(zombie));
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Transactions.AddOffsets(zombie, "g").Error);
        Assert.Equal(ErrorCode.InvalidProducerEpoch, _rooms.Send(zombie, 1).Error);
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.End(zombie));
        Assert.Equal(ErrorCode.InvalidProducerEpoch, _rooms.CheckAppend(zombie));
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Renew(zombie).Error);
        Assert.Equal(ErrorCode.None, _rooms.Add(holder));
    }

    [Fact]
    public void Init_with_a_transaction_open_aborts_it_and_answers_at_once()
    {
        var zombie = _rooms.Init();
        _rooms.Add(zombie, "t", 1);
        _rooms.Transactions.AddOffsets(zombie, "g");
        _rooms.Send(zombie, 5);
        var holder = _rooms.Init();

        var marker = Assert.Single(_rooms.Partitions.Markers);
        Assert.Equal(("t", 1, zombie.ProducerId, false), (marker.Topic, marker.Partition, marker.ProducerId, marker.Commit));
        // What the zombie still sends to the partition is below the marker; what the holder sends is above it.
        Assert.True(zombie.Epoch < marker.Epoch && marker.Epoch < holder.Epoch);
        Assert.Equal(("Empty", -1), (_rooms.TxnState(), _rooms.Committed()));
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.End(zombie));
    }

    [Fact]
    public void Renew_gives_the_holder_a_new_epoch_and_a_retry_the_same()
    {
        var holder = _rooms.Init();
        var renewed = _rooms.Renew(holder);
        Assert.Equal((ErrorCode.None, holder.ProducerId, (short)(holder.Epoch + 1)), (renewed.Error, renewed.ProducerId, renewed.Epoch));
        Assert.Equal(renewed.Epoch, _rooms.Renew(holder).Epoch);
        _rooms = _rooms.Restart();
        Assert.Equal(renewed.Epoch, _rooms.Renew(holder).Epoch);
        _rooms = _rooms.Restart(_rooms.Save());
        Assert.Equal(renewed.Epoch, _rooms.Renew(holder).Epoch);
        var next = _rooms.Renew(holder with { Epoch = renewed.Epoch });
        Assert.Equal(renewed.Epoch + 1, next.Epoch);
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Renew(holder).Error);

        _rooms.Init();
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Renew(holder with { Epoch = next.Epoch }).Error);
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Renew(holder with { ProducerId = 99 }).Error);
    }

    [Fact]
    public void Renew_by_the_holder_aborts_its_own_open_transaction()
    {
        var holder = _rooms.Init();
        _rooms.Add(holder);
        var renewed = _rooms.Renew(holder);
        Assert.Equal(ErrorCode.None, renewed.Error);
        Assert.False(Assert.Single(_rooms.Partitions.Markers).Commit);
        Assert.Equal(renewed, _rooms.Renew(holder) with { Entry = renewed.Entry });
        Assert.Equal(ErrorCode.None, _rooms.Add(holder with { Epoch = renewed.Epoch }));
        // Now it is no retry any more: the epoch is in use.
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Renew(holder).Error);
    }

    [Fact]
    public void Renew_of_an_id_that_was_forgotten_begins_anew()
    {
        var answer = _rooms.Renew(new ProducerIdentity("tx", 77, 3));
        Assert.Equal((ErrorCode.None, 0L, (short)0), (answer.Error, answer.ProducerId, answer.Epoch));
    }

    [Fact]
    public void Epochs_run_out_and_a_new_producer_id_begins()
    {
        var holder = _rooms.Init();
        for (var epoch = 1; epoch < short.MaxValue; epoch++)
            holder = holder with { Epoch = _rooms.Renew(holder).Epoch };
        Assert.Equal(short.MaxValue - 1, holder.Epoch);

        var next = _rooms.Renew(holder);
        Assert.Equal((ErrorCode.None, holder.ProducerId + 1, (short)0), (next.Error, next.ProducerId, next.Epoch));
        Assert.Equal(next, _rooms.Renew(holder) with { Entry = next.Entry });
        _rooms = _rooms.Restart(_rooms.Save());
        Assert.Equal(next, _rooms.Renew(holder) with { Entry = next.Entry });
        Assert.Equal(ErrorCode.InvalidProducerIdMapping, _rooms.Add(holder));
        Assert.Equal(ErrorCode.None, _rooms.Add(holder with { ProducerId = next.ProducerId, Epoch = 0 }));
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Renew(holder with { Epoch = 5 }).Error);
    }

    [Fact]
    public void Epochs_run_out_with_a_transaction_open_and_it_can_still_be_fenced()
    {
        var holder = _rooms.Init();
        while (holder.Epoch < short.MaxValue - 1)
            holder = holder with { Epoch = _rooms.Renew(holder).Epoch };
        _rooms.Add(holder);
        var next = _rooms.Init();
        Assert.Equal(short.MaxValue, Assert.Single(_rooms.Partitions.Markers).Epoch);
        Assert.Equal((holder.ProducerId + 1, (short)0), (next.ProducerId, next.Epoch));
    }

    [Fact]
    public void Ids_unused_for_seven_days_are_forgotten_when_others_come()
    {
        var idle = _rooms.Init("idle");
        var open = _rooms.Init("open", TransactionCoordinator.MaxTimeoutMs);
        _rooms.Time.Advance(TimeSpan.FromDays(6));
        var used = _rooms.Init("used");
        _rooms.Time.Advance(TimeSpan.FromDays(1.1));
        _rooms.Add(open);
        var fresh = _rooms.Init("fresh");
        Assert.Equal(["fresh", "open", "used"], _rooms.Transactions.List().Select(t => t.TransactionalId).Order(StringComparer.Ordinal));
        Assert.Equal(ErrorCode.InvalidProducerIdMapping, _rooms.Add(idle));

        var before = _rooms.Dump();
        _rooms = _rooms.Restart();
        Assert.Equal(before, _rooms.Dump());
        Assert.True(_rooms.Init("idle").ProducerId > Math.Max(used.ProducerId, fresh.ProducerId));
    }

    [Fact]
    public void Init_on_a_failed_disk_gives_nothing_out()
    {
        _rooms.Init();
        var before = _rooms.Dump();
        _rooms.Journal.Fails = true;
        Assert.Throws<Metering.LocalBroker.Storage.JournalFailedException>(() => _rooms.Transactions.InitProducerId("tx", Txn.TimeoutMs, -1, -1));
        Assert.Throws<Metering.LocalBroker.Storage.JournalFailedException>(() => _rooms.Transactions.InitProducerId(null, 0, -1, -1));
        Assert.Equal(before, _rooms.Dump());
    }
}
