using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Transactions;

/// <summary>A transaction call by call.</summary>
internal static class RawTransactions
{
    private const short AddPartitionsToTxn = 24, EndTxn = 26;

    /// <summary>Partition 0 of a topic joins the transaction.</summary>
    public static async Task AddPartitionAsync(RawConnection connection, string id, long producer, short epoch, string topic)
    {
        for (var deadline = Until.In(BrokerFixture.Patience); ; await Task.Delay(20))
        {
            var error = await TryAddPartitionAsync(connection, id, producer, epoch, topic);
            if (error == 0)
                return;
            Assert.Equal(51, error); // CONCURRENT_TRANSACTIONS: the one before still ends
            deadline.Check("the transaction before to end");
        }
    }

    public static async Task<int> TryAddPartitionAsync(RawConnection connection, string id, long producer, short epoch, string topic, int partition = 0)
    {
        var answer = await connection.CallAsync(AddPartitionsToTxn, 1, new RawWriter().String(id).Int64(producer).Int16(epoch).Int32(1).String(topic).Int32(1).Int32(partition));
        answer.Int32();
        Assert.Equal(1, answer.Int32());
        Assert.Equal(topic, answer.String());
        Assert.Equal(1, answer.Int32());
        Assert.Equal(partition, answer.Int32());
        return answer.Int16();
    }

    public static async Task<int> EndAsync(RawConnection connection, string id, long producer, short epoch, bool commit)
    {
        var answer = await connection.CallAsync(EndTxn, 1, new RawWriter().String(id).Int64(producer).Int16(epoch).Bool(commit));
        answer.Int32();
        return answer.Int16();
    }
}
