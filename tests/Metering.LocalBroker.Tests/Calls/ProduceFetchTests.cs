using Metering.LocalBroker.Tests.Wire;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Calls;

public sealed class ProduceFetchTests : IAsyncLifetime
{
    private Broker _broker = null!;

    public async ValueTask InitializeAsync()
    {
        _broker = await Broker.OpenAsync();
        _broker.CreateTopic("t", 2);
    }

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task Produce_gives_offsets_in_order_and_fetch_returns_the_batches()
    {
        Assert.Equal((ErrorCode.None, 0), await _broker.ProduceAsync("t", Broker.Batch("a")));
        Assert.Equal((ErrorCode.None, 1), await _broker.ProduceAsync("t", Broker.Batch("b")));
        var fetched = await FetchAsync(0);
        Assert.Equal((ErrorCode.None, 2, 2, 0), (fetched.Error, fetched.HighWatermark, fetched.StableOffset, fetched.StartOffset));
        Assert.Equal(2 * Broker.Batch("a").Length, fetched.RecordBytes);
        Assert.Equal(Broker.Batch("b").Length, (await FetchAsync(1)).RecordBytes);
    }

    [Fact]
    public async Task Produce_names_what_is_wrong_with_each_partition()
    {
        Assert.Equal((ErrorCode.UnknownTopicOrPartition, -1), await _broker.ProduceAsync("nope", Broker.Batch("a")));
        Assert.Equal((ErrorCode.UnknownTopicOrPartition, -1), await _broker.ProduceAsync("t", Broker.Batch("a"), partition: 2));
        Assert.Equal((ErrorCode.InvalidRecord, -1), await _broker.ProduceAsync("t", null));
        Assert.Equal((ErrorCode.InvalidRequiredAcks, -1), await _broker.ProduceAsync("t", Broker.Batch("a"), acks: 2));
        Assert.Equal((ErrorCode.TransactionalIdAuthorizationFailed, -1), await _broker.ProduceAsync("t", Broker.Batch("a", 1, 0, 0, isTransactional: true)));
        var spoiled = Broker.Batch("a");
        spoiled[^2] ^= 1;
        Assert.Equal((ErrorCode.CorruptMessage, -1), await _broker.ProduceAsync("t", spoiled));
        Assert.Equal((ErrorCode.None, 0), await _broker.ProduceAsync("t", Broker.Batch("a")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Produce_of_a_version_before_batches_is_refused_by_name(short version)
    {
        var response = await _broker.CallAsync(ApiKey.Produce, version, body =>
        {
            body.Int16(1);
            body.Int32(1000);
            body.Array(1);
            body.String("t");
            body.Array(1);
            body.Int32(0);
            body.Bytes(Broker.Batch("a"));
        });
        var read = response.Read();
        read.Array();
        read.String();
        read.Array();
        read.Int32();
        Assert.Equal(ErrorCode.UnsupportedForMessageFormat, (ErrorCode)read.Int16());
    }

    [Fact]
    public async Task Produce_without_acknowledgement_has_no_reply_and_closes_on_an_error()
    {
        foreach (var topic in new[] { "t", "nope" })
        {
            using var body = new ProtocolWriter(flexible: false);
            Broker.WriteProduce(body, topic, 0, Broker.Batch("a"), acks: 0, null);
            var reply = await _broker.Calls.HandleAsync(InProcess.Frame(ApiKey.Produce, 8, body.Complete().Span[4..]));
            Assert.Null(reply.Response);
            Assert.Equal(topic == "nope", reply.CloseAfterwards);
        }
    }

    [Fact]
    public async Task Produce_to_a_transaction_needs_its_partition_and_its_epoch()
    {
        var (_, id, epoch, _) = _broker.State.Transactions.InitProducerId("tx", 60_000, -1, -1);
        var batch = Broker.Batch("a", id, epoch, 0, isTransactional: true);
        Assert.NotEqual(ErrorCode.None, (await _broker.ProduceAsync("t", batch, transactionalId: "tx")).Error);
        _broker.State.Transactions.AddPartitions(new("tx", id, epoch), [("t", 0)]);
        Assert.Equal((ErrorCode.None, 0), await _broker.ProduceAsync("t", batch, transactionalId: "tx"));
        Assert.Equal(0, (await FetchAsync(0, committedOnly: true)).RecordBytes);
        Assert.Equal(0, (await FetchAsync(0, committedOnly: true)).StableOffset);

        // A successor fences: Produce says so by the epoch, whatever the coordinator calls it.
        var successor = _broker.State.Transactions.InitProducerId("tx", 60_000, -1, -1);
        await _broker.State.Journal.WhenDurableAsync(successor.Entry);
        var zombie = Broker.Batch("b", id, epoch, 1, isTransactional: true);
        Assert.Equal(ErrorCode.InvalidProducerEpoch, (await _broker.ProduceAsync("t", zombie, transactionalId: "tx")).Error);
        var aborted = await FetchAsync(0, committedOnly: true);
        Assert.Equal((1, 2), (aborted.Aborted, aborted.StableOffset));
    }

    [Fact]
    public async Task Fetch_that_waits_is_woken_by_a_produce()
    {
        var fetching = FetchAsync(0, maxWaitMs: 60_000);
        Assert.False(fetching.IsCompleted);
        await _broker.ProduceAsync("t", Broker.Batch("a"));
        Assert.Equal(Broker.Batch("a").Length, (await fetching.WaitAsync(TimeSpan.FromSeconds(10))).RecordBytes);
    }

    [Fact]
    public async Task Fetch_waits_for_min_bytes_and_then_gives_what_there_is()
    {
        var fetching = FetchAsync(0, maxWaitMs: 300, minBytes: 100_000);
        await _broker.ProduceAsync("t", Broker.Batch("a"));
        Assert.Equal(Broker.Batch("a").Length, (await fetching.WaitAsync(TimeSpan.FromSeconds(10))).RecordBytes);
    }

    [Fact]
    public async Task Fetch_that_waits_ends_when_its_client_has_gone()
    {
        using var gone = new CancellationTokenSource();
        var fetching = FetchAsync(0, maxWaitMs: int.MaxValue, client: _broker.Client(gone.Token));
        Assert.False(fetching.IsCompleted);
        await gone.CancelAsync();
        Assert.Equal(0, (await fetching.WaitAsync(TimeSpan.FromSeconds(10))).RecordBytes);
    }

    [Fact]
    public async Task Fetch_gives_one_batch_however_small_the_limits_are()
    {
        await _broker.ProduceAsync("t", Broker.Batch("a"));
        await _broker.ProduceAsync("t", Broker.Batch("b"));
        Assert.Equal(Broker.Batch("a").Length, (await FetchAsync(0, maxBytes: 1)).RecordBytes);
    }

    [Fact]
    public async Task Fetch_names_what_is_wrong_at_once()
    {
        Assert.Equal(ErrorCode.OffsetOutOfRange, (await FetchAsync(5, maxWaitMs: 60_000)).Error);
        Assert.Equal(ErrorCode.UnknownTopicOrPartition, (await FetchAsync(0, partition: 9, maxWaitMs: 60_000)).Error);
        Assert.Equal(ErrorCode.UnknownLeaderEpoch, (await FetchAsync(0, leaderEpoch: 1, maxWaitMs: 60_000)).Error);
        Assert.Equal(ErrorCode.FencedLeaderEpoch, (await FetchAsync(0, leaderEpoch: -2, maxWaitMs: 60_000)).Error);
        Assert.Equal(ErrorCode.FetchSessionIdNotFound, (await FetchAsync(0, sessionId: 7, sessionEpoch: 1)).RequestError);
        Assert.Equal(ErrorCode.InvalidFetchSessionEpoch, (await FetchAsync(0, sessionId: 0, sessionEpoch: 3)).RequestError);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task Fetch_returns_the_same_batches_in_every_form(short version)
    {
        byte[][] batches = [Broker.Batch("a"), Broker.Batch(new string('b', 40))];
        foreach (var batch in batches)
            await _broker.ProduceAsync("t", batch);
        Assert.Equal(batches.Sum(batch => batch.Length), (await FetchAsync(0, version: version)).RecordBytes);
        Assert.Equal(batches[1].Length, (await FetchAsync(1, version: version, committedOnly: true)).RecordBytes);
    }

    [Fact]
    public async Task Fetch_by_id_of_a_topic_that_was_made_again_finds_nothing()
    {
        await _broker.ProduceAsync("t", Broker.Batch("a"));
        var former = TopicId();
        lock (_broker.State.Gate)
            _broker.State.Topics.Delete(_broker.State.Topics.Find("t")!);
        _broker.CreateTopic("t", 2);
        Assert.Equal(ErrorCode.UnknownTopicId, (await FetchAsync(0, version: 13, topicId: former, maxWaitMs: 60_000)).Error);
        Assert.Equal((ErrorCode.None, 0), ((await FetchAsync(0, version: 13)).Error, (await FetchAsync(0, version: 13)).RecordBytes));
        Assert.Equal(ErrorCode.UnknownTopicOrPartition, (await FetchAsync(0, partition: 9, version: 13, maxWaitMs: 60_000)).Error);
    }

    private sealed record Fetched(
        ErrorCode RequestError, ErrorCode Error, long HighWatermark, long StableOffset, long StartOffset, int Aborted, int RecordBytes);

    private async Task<Fetched> FetchAsync(
        long offset, int partition = 0, int maxWaitMs = 0, int minBytes = 1, int maxBytes = 1_000_000, bool committedOnly = false,
        int leaderEpoch = -1, int sessionId = 0, int sessionEpoch = -1, InProcess? client = null, short version = 11, Guid? topicId = null)
    {
        var response = await Broker.CallAsync(client ?? _broker.Client(), ApiKey.Fetch, version, body =>
        {
            body.Int32(-1);
            body.Int32(maxWaitMs);
            body.Int32(minBytes);
            body.Int32(maxBytes);
            body.Int8(committedOnly ? (sbyte)1 : (sbyte)0);
            body.Int32(sessionId);
            body.Int32(sessionEpoch);
            body.Array(1);
            if (version >= 13)
                body.Uuid(topicId ?? TopicId());
            else
                body.String("t");
            body.Array(1);
            body.Int32(partition);
            body.Int32(leaderEpoch);
            body.Int64(offset);
            if (version >= 12)
                body.Int32(-1);
            body.Int64(-1);
            body.Int32(maxBytes);
            body.Tags();
            body.Tags();
            body.Array(0);
            body.String("");
            body.Tags();
        });
        return Read(version, response);
    }

    private Guid TopicId()
    {
        lock (_broker.State.Gate)
            return _broker.State.Topics.Find("t")!.Id;
    }

    private static Fetched Read(short version, Response response)
    {
        var read = response.Read();
        read.Int32();
        var requestError = (ErrorCode)read.Int16();
        Assert.Equal(0, read.Int32());
        if (read.Array() == 0)
            return new Fetched(requestError, default, -1, -1, -1, 0, 0);
        if (version >= 13)
            read.Uuid();
        else
            read.String();
        read.Array();
        read.Int32();
        var error = (ErrorCode)read.Int16();
        var (high, stable, start) = (read.Int64(), read.Int64(), read.Int64());
        var aborted = read.NullableArray();
        for (var i = 0; i < aborted; i++)
        {
            read.Int64();
            read.Int64();
            read.Tags();
        }
        Assert.Equal(-1, read.Int32());
        return new Fetched(requestError, error, high, stable, start, aborted, read.Bytes().Length);
    }
}
