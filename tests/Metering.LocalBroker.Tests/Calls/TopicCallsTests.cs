using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Calls;

public sealed class TopicCallsTests : IAsyncLifetime
{
    private Broker _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await Broker.OpenAsync();

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task CreateTopics_makes_what_can_be_made_and_says_why_not()
    {
        var results = await CreateAsync(("a", 3, -1), ("b", 1, 3), ("c", 0, 1), ("d", 1, 1), ("d", 1, 1), ("bad name", 1, 1));
        Assert.Equal(
            [ErrorCode.None, ErrorCode.InvalidReplicationFactor, ErrorCode.InvalidPartitions, ErrorCode.InvalidRequest, ErrorCode.InvalidRequest, ErrorCode.InvalidTopic],
            results);
        Assert.Equal([ErrorCode.TopicAlreadyExists], await CreateAsync(("a", 1, 1)));
        lock (_broker.State.Gate)
            Assert.Equal(3, Assert.Single(_broker.State.Topics.All).Partitions.Count);
    }

    [Fact]
    public async Task CreateTopics_that_only_validates_makes_nothing()
    {
        Assert.Equal([ErrorCode.None], await CreateAsync(validateOnly: true, ("a", 3, 1)));
        lock (_broker.State.Gate)
            Assert.Empty(_broker.State.Topics.All);
    }

    [Theory]
    [InlineData(true, 1, ErrorNone)]
    [InlineData(false, 1, InvalidReplicaAssignment)]
    [InlineData(true, 2, InvalidReplicaAssignment)]
    public async Task CreateTopics_with_assignments_takes_only_the_one_that_there_can_be(bool withoutGaps, int broker, short expected)
    {
        var response = await _broker.CallAsync(ApiKey.CreateTopics, 4, body =>
        {
            body.Array(1);
            body.String("a");
            body.Int32(-1);
            body.Int16(-1);
            body.Array(2);
            foreach (var partition in new[] { 0, withoutGaps ? 1 : 2 })
            {
                body.Int32(partition);
                body.Array(1);
                body.Int32(broker);
            }
            body.Array(0);
            body.Int32(1000);
            body.Bool(false);
        });
        var read = response.Read();
        read.Int32();
        read.Array();
        read.String();
        Assert.Equal((ErrorCode)expected, (ErrorCode)read.Int16());
    }

    [Fact]
    public async Task Metadata_never_makes_a_topic_and_finds_by_name_and_by_id()
    {
        _broker.CreateTopic("a", 2);
        Guid id;
        lock (_broker.State.Gate)
            id = _broker.State.Topics.Find("a")!.Id;
        Assert.Equal([(ErrorCode.None, "a", id, 2)], await MetadataAsync(null));
        Assert.Equal([(ErrorCode.None, "a", id, 2)], await MetadataAsync(("a", default)));
        Assert.Equal([(ErrorCode.None, "a", id, 2)], await MetadataAsync((null, id)));
        Assert.Equal([(ErrorCode.UnknownTopicOrPartition, "b", default, 0)], await MetadataAsync(("b", default)));
        Assert.Equal([(ErrorCode.InvalidTopic, "b b", default, 0)], await MetadataAsync(("b b", default)));
        var other = Guid.NewGuid();
        Assert.Equal([(ErrorCode.UnknownTopicId, null, other, 0)], await MetadataAsync((null, other)));
        lock (_broker.State.Gate)
            Assert.Single(_broker.State.Topics.All);
    }

    private const short ErrorNone = (short)ErrorCode.None;
    private const short InvalidReplicaAssignment = (short)ErrorCode.InvalidReplicaAssignment;

    private Task<List<ErrorCode>> CreateAsync(params (string Name, int Partitions, short Replication)[] topics) => CreateAsync(false, topics);

    private async Task<List<ErrorCode>> CreateAsync(bool validateOnly, params (string Name, int Partitions, short Replication)[] topics)
    {
        var response = await _broker.CallAsync(ApiKey.CreateTopics, 4, body =>
        {
            body.Array(topics.Length);
            foreach (var (name, partitions, replication) in topics)
            {
                body.String(name);
                body.Int32(partitions);
                body.Int16(replication);
                body.Array(0);
                body.Array(0);
            }
            body.Int32(1000);
            body.Bool(validateOnly);
        });
        var read = response.Read();
        read.Int32();
        var errors = new List<ErrorCode>();
        for (var left = read.Array(); left > 0; left--)
        {
            read.String();
            errors.Add((ErrorCode)read.Int16());
            Assert.Equal(errors[^1] == ErrorCode.None, read.NullableString() is null);
        }
        return errors;
    }

    private async Task<List<(ErrorCode, string?, Guid, int)>> MetadataAsync((string? Name, Guid Id)? topic)
    {
        var response = await _broker.CallAsync(ApiKey.Metadata, 12, body =>
        {
            body.Array(topic is null ? -1 : 1);
            if (topic is { } one)
            {
                body.Uuid(one.Id);
                body.String(one.Name);
                body.Tags();
            }
            body.Bool(true);
            body.Bool(false);
            body.Tags();
        });
        var read = response.Read();
        read.Int32();
        Assert.Equal(1, read.Array());
        Assert.Equal((1, "127.0.0.1", 9092, null), (read.Int32(), read.String(), read.Int32(), read.NullableString()));
        read.Tags();
        Assert.Equal(("cluster", 1), (read.String(), read.Int32()));
        var topics = new List<(ErrorCode, string?, Guid, int)>();
        for (var left = read.Array(); left > 0; left--)
        {
            var (error, name, id) = ((ErrorCode)read.Int16(), read.NullableString(), read.Uuid());
            read.Bool();
            var partitions = read.Array();
            topics.Add((error, name, id, partitions));
            for (var i = 0; i < partitions; i++)
                SkipPartition(ref read);
            read.Int32();
            read.Tags();
        }
        return topics;
    }

    private static void SkipPartition(ref ProtocolReader read)
    {
        read.Int16();
        read.Int32();
        read.Int32();
        read.Int32();
        for (var lists = 0; lists < 3; lists++)
        {
            for (var left = read.Array(); left > 0; left--)
                read.Int32();
        }
        read.Tags();
    }
}
