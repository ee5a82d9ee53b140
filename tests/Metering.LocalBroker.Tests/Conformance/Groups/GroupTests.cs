using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Groups;

public sealed class RealGroupTests(RealFixture broker) : GroupTests(broker);

public sealed class LocalGroupTests(LocalFixture broker) : GroupTests(broker);

/// <summary>Consumers that come and go share a topic's partitions, and no record is left out.</summary>
public abstract class GroupTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const int Partitions = 6;

    private readonly string _group = BrokerFixture.Unique("group");

    // Writes until it is stopped; says how many each partition got.
    private async Task<int[]> WriteUntilAsync(string topic, Task stopped)
    {
        var written = new int[Partitions];
        using var producer = Broker.Producer();
        for (var i = 0; !stopped.IsCompleted; i++)
        {
            await producer.ProduceAsync(new TopicPartition(topic, i % Partitions), Record(null, $"{i / Partitions}"));
            written[i % Partitions]++;
            if (i % 10 == 0)
                await Task.Delay(5);
        }
        return written;
    }

    private static async Task ExpectAllSeenAsync(int[] written, params IReadOnlyList<Member> members)
    {
        var expected = written.SelectMany((count, partition) => Enumerable.Range(0, count).Select(offset => (partition, (long)offset))).ToHashSet();
        await Until.TrueAsync(() => expected.IsSubsetOf(members.SelectMany(m => m.Seen).Select(seen => (seen.Where.Partition.Value, seen.Where.Offset.Value))), $"all {expected.Count} records");
    }

    private static Task SharedAsync(string what, params IReadOnlyList<Member> members) => Until.TrueAsync(
        () => members.All(m => m.Owned == Partitions / members.Count) && members.SelectMany(m => m.Partitions).Distinct().Count() == Partitions, what);

    [Theory]
    [InlineData(PartitionAssignmentStrategy.Range)]
    [InlineData(PartitionAssignmentStrategy.RoundRobin)]
    [InlineData(PartitionAssignmentStrategy.CooperativeSticky)]
    public async Task Members_that_join_and_leave_while_records_flow_share_the_partitions_and_miss_nothing(PartitionAssignmentStrategy strategy)
    {
        var topic = await Broker.CreateTopicAsync("shared", Partitions);
        var stop = new TaskCompletionSource();
        var writing = WriteUntilAsync(topic, stop.Task);
        await using var first = new Member(Broker, _group, topic, strategy);
        await SharedAsync("one to have all", first);
        await using var second = new Member(Broker, _group, topic, strategy);
        await SharedAsync("two to have three each", first, second);
        await using var third = new Member(Broker, _group, topic, strategy);
        await SharedAsync("three to have two each", first, second, third);
        await second.DisposeAsync();
        await SharedAsync("the others to have three each", first, third);
        await third.DisposeAsync();
        await SharedAsync("the first to have all again", first);
        stop.SetResult();
        await ExpectAllSeenAsync(await writing, first, second, third);
    }

    [Fact]
    public async Task Member_that_vanishes_loses_its_partitions_after_its_session()
    {
        var topic = await Broker.CreateTopicAsync("shared", Partitions);
        var stop = new TaskCompletionSource();
        var writing = WriteUntilAsync(topic, stop.Task);
        await using var first = new Member(Broker, _group, topic, PartitionAssignmentStrategy.CooperativeSticky);
        // A connection that is cut cannot say goodbye.
        var proxy = new TcpProxy(Broker.Port);
        var second = new Member(Broker, _group, topic, PartitionAssignmentStrategy.CooperativeSticky, brokers: proxy.Endpoint);
        await SharedAsync("two to have three each", first, second);
        await proxy.DisposeAsync();
        await SharedAsync("the first to have all", first);
        await second.VanishAsync();
        stop.SetResult();
        await ExpectAllSeenAsync(await writing, first, second);
    }

    [Fact]
    public async Task Static_member_that_restarts_within_its_session_gets_its_partitions_back_without_a_rebalance()
    {
        var topic = await Broker.CreateTopicAsync("shared", Partitions);
        await using var first = new Member(Broker, _group, topic, PartitionAssignmentStrategy.Range, "one");
        var second = new Member(Broker, _group, topic, PartitionAssignmentStrategy.Range, "two");
        await SharedAsync("two to have three each", first, second);
        var (had, assignments) = (second.Partitions.ToHashSet(), first.Assignments);
        await second.DisposeAsync(); // A static member does not leave.
        await using var again = new Member(Broker, _group, topic, PartitionAssignmentStrategy.Range, "two");
        await Until.TrueAsync(() => again.Owned == 3, "its partitions");
        Assert.Equal(had, again.Partitions.ToHashSet());
        Assert.Equal(assignments, first.Assignments);
    }

    [Fact]
    public async Task Consumer_goes_on_where_its_group_has_committed()
    {
        var topic = await Broker.CreateTopicAsync("resumed", Partitions);
        using var producer = Broker.Producer();
        async Task WriteAsync(string value)
        {
            for (var i = 0; i < Partitions; i++)
                await producer.ProduceAsync(new TopicPartition(topic, i), Record(null, value));
        }

        await WriteAsync("first");
        await using (var before = new Member(Broker, _group, topic, PartitionAssignmentStrategy.Range))
            await Until.TrueAsync(() => before.Seen.Count == Partitions, "the first records");
        await WriteAsync("second");
        await using var after = new Member(Broker, _group, topic, PartitionAssignmentStrategy.Range);
        await Until.TrueAsync(() => after.Seen.Count >= Partitions, "the second records");
        Assert.All(after.Seen, seen => Assert.Equal("second", Text(seen.Value)));
    }

    [Fact]
    public async Task Admin_lists_describes_and_deletes_groups()
    {
        var topic = await Broker.CreateTopicAsync("described", Partitions);
        using var admin = Broker.Admin();
        using var producer = Broker.Producer();
        await producer.ProduceAsync(new TopicPartition(topic, 0), Record(null, "v"));
        await using (var member = new Member(Broker, _group, topic, PartitionAssignmentStrategy.Range))
        {
            await Until.TrueAsync(() => !member.Seen.IsEmpty, "a record");
            Assert.Equal(ConsumerGroupState.Stable, (await admin.ListConsumerGroupsAsync()).Valid.Single(group => group.GroupId == _group).State);
            var described = (await admin.DescribeConsumerGroupsAsync([_group])).ConsumerGroupDescriptions[0];
            Assert.Equal((ConsumerGroupState.Stable, "range"), (described.State, described.PartitionAssignor));
            var only = Assert.Single(described.Members);
            Assert.Equal(Partitions, only.Assignment.TopicPartitions.Count);
            Assert.StartsWith("rdkafka", only.ClientId, StringComparison.Ordinal);
            var refused = await Assert.ThrowsAsync<DeleteGroupsException>(() => admin.DeleteGroupsAsync([_group]));
            Assert.Equal(ErrorCode.NonEmptyGroup, refused.Results[0].Error.Code);
            await Until.TrueAsync(async () => await CommittedAsync(admin, topic) == 1, "the commit");
        }
        await Until.TrueAsync(async () => (await admin.DescribeConsumerGroupsAsync([_group])).ConsumerGroupDescriptions[0].State == ConsumerGroupState.Empty, "the group to be empty");
        await admin.DeleteGroupsAsync([_group]);
        Assert.DoesNotContain((await admin.ListConsumerGroupsAsync()).Valid, group => group.GroupId == _group);
        Assert.Equal(Offset.Unset.Value, await CommittedAsync(admin, topic));
        var gone = await Assert.ThrowsAsync<DeleteGroupsException>(() => admin.DeleteGroupsAsync([_group]));
        Assert.Equal(ErrorCode.GroupIdNotFound, gone.Results[0].Error.Code);
    }

    private async Task<long> CommittedAsync(IAdminClient admin, string topic) =>
        (await admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(_group, [new TopicPartition(topic, 0)])]))[0].Partitions[0].Offset.Value;

    [Fact]
    public async Task Admin_resets_the_offsets_of_a_group_without_members()
    {
        var topic = await Broker.CreateTopicAsync("reset", Partitions);
        using var admin = Broker.Admin();
        await admin.AlterConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitionOffsets(_group, [new TopicPartitionOffset(topic, 0, 42)])]);
        Assert.Equal(42, await CommittedAsync(admin, topic));
    }
}
