using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Transactions;

/// <summary>What producers say, with the fields that a test does not care about filled in.</summary>
internal static class Txn
{
    public const int TimeoutMs = 60_000;

    public static ProducerIdentity Init(this Rooms rooms, string id = "tx", int timeoutMs = TimeoutMs)
    {
        var answer = rooms.Transactions.InitProducerId(id, timeoutMs, -1, -1);
        Assert.Equal((ErrorCode.None, rooms.Journal.Last), (answer.Error, answer.Entry));
        return new ProducerIdentity(id, answer.ProducerId, answer.Epoch);
    }

    public static InitAnswer Renew(this Rooms rooms, ProducerIdentity holder) =>
        rooms.Transactions.InitProducerId(holder.TransactionalId, TimeoutMs, holder.ProducerId, holder.Epoch);

    public static ErrorCode Add(this Rooms rooms, ProducerIdentity producer, string topic = "t", int partition = 0) =>
        Assert.Single(rooms.Transactions.AddPartitions(producer, [(topic, partition)]).Partitions);

    public static CommitAnswer Send(this Rooms rooms, ProducerIdentity producer, long offset, JoinAnswer? member = null, string group = "g", int partition = 0) =>
        rooms.Transactions.CommitOffsets(
            producer, new CommitRequest(group, member?.Generation ?? -1, member?.MemberId ?? "", null, [new OffsetToCommit("t", partition, offset, 3, "meta")]));

    public static ErrorCode End(this Rooms rooms, ProducerIdentity producer, bool commit = true) => rooms.Transactions.End(producer, commit).Error;

    public static ErrorCode CheckAppend(this Rooms rooms, ProducerIdentity producer, string topic = "t", int partition = 0)
    {
        lock (rooms.Gate)
            return rooms.Transactions.CheckAppend(producer.TransactionalId, producer.ProducerId, producer.Epoch, topic, partition);
    }

    public static string TxnState(this Rooms rooms, string id = "tx") => rooms.Transactions.Describe(id).State;

    /// <summary>The group's offset of t/0, −1 for none; −2 while a transaction holds one.</summary>
    public static long Committed(this Rooms rooms, string group = "g", bool requireStable = true)
    {
        var fetched = Assert.Single(rooms.Groups.Fetch(group, [("t", 0)], requireStable));
        return fetched.Error == ErrorCode.UnstableOffsetCommit ? -2 : fetched.Offset;
    }
}
