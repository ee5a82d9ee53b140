using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Tests.Groups;
using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Transactions;

/// <summary>Transactions that nobody ends in time.</summary>
public sealed class TransactionTimeoutTests : IDisposable
{
    private Rooms _rooms = new();

    public void Dispose() => _rooms.Dispose();

    [Fact]
    public void Timeout_aborts_and_fences()
    {
        var producer = _rooms.Init();
        _rooms.PassMs(10_000);
        _rooms.Add(producer);
        _rooms.Transactions.AddOffsets(producer, "g");
        _rooms.Send(producer, 5);
        _rooms.PassMs(Txn.TimeoutMs / 2);
        // More partitions do not make it last longer.
        _rooms.Add(producer, "u");
        _rooms.PassMs((Txn.TimeoutMs / 2) - 100);
        Assert.Equal("Ongoing", _rooms.TxnState());
        _rooms.PassMs(200);

        Assert.Equal(("CompleteAbort", -1), (_rooms.TxnState(), _rooms.Committed()));
        Assert.All(_rooms.Partitions.Markers, m => Assert.Equal((false, (short)(producer.Epoch + 1)), (m.Commit, m.Epoch)));
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.End(producer));
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Add(producer));
        Assert.Equal(ErrorCode.InvalidProducerEpoch, _rooms.CheckAppend(producer));
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.Renew(producer).Error);
        Assert.Equal(ErrorCode.None, _rooms.Add(_rooms.Init()));
    }

    [Fact]
    public void Timeout_of_a_transaction_that_ended_does_nothing_to_the_next()
    {
        var producer = _rooms.Init();
        _rooms.Add(producer);
        _rooms.PassMs(Txn.TimeoutMs - 1_000);
        _rooms.End(producer);
        _rooms.Add(producer);
        _rooms.PassMs(Txn.TimeoutMs - 1_000);
        Assert.Equal(ErrorCode.None, _rooms.End(producer));
        _rooms.PassMs(2 * Txn.TimeoutMs);
        Assert.Equal("CompleteCommit", _rooms.TxnState());
    }

    [Fact]
    public void Timeout_goes_on_over_a_restart()
    {
        var producer = _rooms.Init();
        _rooms.Add(producer);
        _rooms.PassMs(Txn.TimeoutMs - 5_000);
        _rooms = _rooms.Restart(_rooms.Save());
        _rooms.PassMs(4_900);
        Assert.Equal(ErrorCode.None, _rooms.CheckAppend(producer));
        _rooms.PassMs(200);
        Assert.Equal("CompleteAbort", _rooms.TxnState());

        // The abort itself is journaled: it is there after another restart, once.
        _rooms = _rooms.Restart();
        Assert.Single(_rooms.Partitions.Markers);
        Assert.Equal(ErrorCode.ProducerFenced, _rooms.End(producer, commit: false));
    }

    [Fact]
    public void Timeout_while_the_broker_was_away_or_the_clock_was_wrong()
    {
        var producer = _rooms.Init();
        _rooms.Add(producer);
        _rooms.Dispose();
        _rooms.Time.Advance(TimeSpan.FromHours(1));
        var later = _rooms.Recover(null, start: true);
        later.PassMs(100);
        Assert.Equal("CompleteAbort", later.TxnState());

        var earlier = new Rooms(new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero)), _rooms.Journal).Recover(null, start: true);
        earlier.PassMs(Txn.TimeoutMs - 100);
        Assert.Equal("Ongoing", earlier.TxnState());
        earlier.PassMs(200);
        Assert.Equal("CompleteAbort", earlier.TxnState());
    }

    [Fact]
    public void Timeout_does_not_run_before_recovery_is_over()
    {
        var producer = _rooms.Init();
        _rooms.Add(producer);
        _rooms.Dispose();
        _rooms = _rooms.Recover(null, start: false);
        _rooms.PassMs(2 * Txn.TimeoutMs);
        Assert.Equal("Ongoing", _rooms.TxnState());
        _rooms.Transactions.Start();
        _rooms.PassMs(100);
        Assert.Equal("CompleteAbort", _rooms.TxnState());
    }

    [Fact]
    public void Timeout_on_a_failed_disk_leaves_the_transaction_to_the_recovery()
    {
        _rooms.Add(_rooms.Init());
        _rooms.Journal.Fails = true;
        _rooms.PassMs(2 * Txn.TimeoutMs);
        Assert.Equal("Ongoing", _rooms.TxnState());
        _rooms = _rooms.Restart();
        _rooms.PassMs(100);
        Assert.Equal("CompleteAbort", _rooms.TxnState());
    }
}
