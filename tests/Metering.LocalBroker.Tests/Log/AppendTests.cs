using Metering.LocalBroker.Log;
using Metering.LocalBroker.Tests.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Log;

/// <summary>What a produce request may hold, and how producers' sequences are kept.</summary>
public sealed class AppendTests
{
    [Fact]
    public async Task What_is_no_sound_batch_is_refused_with_Kafkas_error()
    {
        await using var store = await OpenAsync(("max.message.bytes", "500"));
        await Refuses(ErrorCode.InvalidRecord, []);
        await Refuses(ErrorCode.UnsupportedForMessageFormat, Changed(16, 1));
        await Refuses(ErrorCode.CorruptMessage, Changed(16, 3));
        await Refuses(ErrorCode.CorruptMessage, Changed(70, 0x55));
        await Refuses(ErrorCode.CorruptMessage, Batches.One("short")[..^1]);
        await Refuses(ErrorCode.InvalidRecord, [.. Batches.One("a"), .. Batches.One("b")]);
        await Refuses(ErrorCode.MessageTooLarge, Batches.Sized(600));
        await Refuses(ErrorCode.InvalidRecord, WithCrc(Changed(22, RecordBatch.ControlBit)));
        await Refuses(ErrorCode.InvalidRecord, WithCrc(Changed(22, RecordBatch.DeleteHorizonBit)));
        await Refuses(ErrorCode.InvalidRecord, WithCrc(Changed(22, RecordBatch.TransactionalBit)));
        await Refuses(ErrorCode.UnsupportedCompressionType, WithCrc(Changed(22, 6)));
        await Refuses(ErrorCode.InvalidRecord, WithCrc(Changed(60, 2)));
        await Refuses(ErrorCode.InvalidRecord, WithCrc(Changed(61, 0x7e)));
        await Refuses(ErrorCode.InvalidTimestamp, Batches.One("v", timestampMs: 1_000 + 3_600_001));
        Assert.Equal(0, (await store.AppendAsync("t", Batches.One("v"))).BaseOffset);

        async Task Refuses(ErrorCode error, byte[] batch) => Assert.Equal(error, (await store.AppendAsync("t", batch)).Error);
    }

    [Theory]
    [InlineData((int)Codec.None)]
    [InlineData((int)Codec.Gzip)]
    [InlineData((int)Codec.Snappy)]
    [InlineData((int)Codec.Lz4)]
    [InlineData((int)Codec.Zstd)]
    public async Task A_compacted_topic_takes_only_records_with_keys_in_every_codec(int codec)
    {
        await using var store = await OpenAsync(("cleanup.policy", "compact"));
        var good = Batches.Of([("k", new string('v', 200_000)), ("l", null)], codec: (Codec)codec);
        Assert.Equal(ErrorCode.None, (await store.AppendAsync("t", good)).Error);
        Assert.Equal(ErrorCode.InvalidRecord, (await store.AppendAsync("t", Batches.Of([("k", "v"), (null, "v")], codec: (Codec)codec))).Error);
        Assert.Equal(["k", "l"], store.ReadAll("t").Select(record => record.Key));
        if (codec != 0)
        {
            var torn = good.ToArray();
            torn.AsSpan(RecordBatch.HeaderBytes).Fill(0xee);
            RecordBatch.SetCrc(torn);
            Assert.Equal(ErrorCode.CorruptMessage, (await store.AppendAsync("t", torn)).Error);
        }
    }

    [Fact]
    public async Task Log_append_time_is_set_and_create_time_is_kept()
    {
        await using var store = await OpenAsync(("message.timestamp.type", "LogAppendTime"));
        await store.CreateAsync("create");
        var result = await store.AppendAsync("t", Batches.One("v", timestampMs: 5), nowMs: 9_000);
        Assert.Equal(9_000, result.LogAppendTimeMs);
        Assert.Equal(-1, (await store.AppendAsync("create", Batches.One("v", timestampMs: 5), nowMs: 9_000)).LogAppendTimeMs);
        Assert.Equal((0, 9_000), store.Log("t").FindTime(8_000, false));
        Assert.Equal((-1, -1), store.Log("create").FindTime(8_000, false));
        Assert.Equal((0, 5), store.Log("create").FindTime(3, false));
        Assert.True(new RecordBatch(store.Fetch("t", 0).Bytes).IsLogAppendTime);
    }

    [Fact]
    public async Task Times_lead_to_the_first_record_not_before_them()
    {
        await using var store = await OpenAsync(("segment.bytes", "300"));
        for (var i = 0; i < 20; i++)
            await store.AppendAsync("t", Batches.Of([(null, "a"), (null, "b"), (null, "c")], timestampMs: 1_000 + (i * 10)), nowMs: 2_000);
        Assert.Equal((31, 1_101), store.Log("t").FindTime(1_101, false));
        Assert.Equal((33, 1_110), store.Log("t").FindTime(1_103, false));
        Assert.Equal((0, 1_000), store.Log("t").FindTime(0, false));
        Assert.Equal((59, 1_192), store.Log("t").FindMaxTime());
        Assert.Equal((-1, -1), store.Log("t").FindTime(1_193, false));
        await store.KillAndOpenAsync();
        Assert.Equal((31, 1_101), store.Log("t").FindTime(1_101, false));
    }

    [Fact]
    public async Task Duplicates_among_the_last_five_are_acknowledged_as_they_were_and_gaps_are_refused()
    {
        await using var store = await OpenAsync();
        for (var i = 0; i < 6; i++)
            Assert.Equal(i, (await store.AppendAsync("t", Own(i))).BaseOffset);
        for (var again = 0; again < 2; again++)
        {
            Assert.Equal((ErrorCode.None, 1), Short(await store.AppendAsync("t", Own(1))));
            Assert.Equal((ErrorCode.None, 5), Short(await store.AppendAsync("t", Own(5))));
            Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, (await store.AppendAsync("t", Own(0))).Error);
            Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, (await store.AppendAsync("t", Own(7))).Error);
            Assert.Equal(6, store.Log("t").EndOffset);
            await store.KillAndOpenAsync();
        }
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, (await store.AppendAsync("t", Own(3, epoch: 1))).Error);
        Assert.Equal(ErrorCode.None, (await store.AppendAsync("t", Own(0, epoch: 1))).Error);
        Assert.Equal(ErrorCode.InvalidProducerEpoch, (await store.AppendAsync("t", Own(6))).Error);
        Assert.Equal(ErrorCode.None, (await store.AppendAsync("t", Own(900, id: 8))).Error);

        static (ErrorCode, long) Short(AppendResult result) => (result.Error, result.BaseOffset);
    }

    [Fact]
    public async Task Sequences_go_on_at_zero_behind_the_largest_int()
    {
        await using var store = await OpenAsync();
        await store.AppendAsync("t", Own(int.MaxValue - 1));
        Assert.Equal(ErrorCode.None, (await store.AppendAsync("t", Batches.Of([(null, "a"), (null, "b"), (null, "c")], 1, 7, 0, int.MaxValue))).Error);
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, (await store.AppendAsync("t", Own(3))).Error);
        Assert.Equal(ErrorCode.None, (await store.AppendAsync("t", Own(2))).Error);
    }

    [Fact]
    public async Task A_producer_is_forgotten_after_a_day_of_the_logs_time()
    {
        await using var store = await OpenAsync();
        const long hour = 3_600_000;
        await store.AppendAsync("t", Own(5), nowMs: hour);
        await store.AppendAsync("t", Own(1, id: 8), nowMs: 24 * hour);
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, (await store.AppendAsync("t", Own(9), nowMs: 24 * hour)).Error);
        await store.AppendAsync("t", Own(2, id: 8), nowMs: 27 * hour);
        Assert.Equal([8L], store.Log("t").Producers().Select(producer => producer.ProducerId));
        await store.KillAndOpenAsync();
        Assert.Equal([8L], store.Log("t").Producers().Select(producer => producer.ProducerId));
        Assert.Equal(ErrorCode.None, (await store.AppendAsync("t", Own(9), nowMs: 27 * hour)).Error);
    }

    [Fact]
    public async Task Nearly_full_disks_refuse_producers_and_new_topics_and_serve_readers()
    {
        await using var store = await OpenAsync();
        await store.AppendAsync("t", Batches.One("v"));
        lock (store.State.Gate)
            store.State.Journal.TakesRecords = false;
        Assert.Equal(ErrorCode.KafkaStorageError, (await store.AppendAsync("t", Batches.One("w"))).Error);
        lock (store.State.Gate)
            Assert.Equal(ErrorCode.KafkaStorageError, store.State.Topics.Create("u", 1, 1, [], false).Error);
        Assert.Single(store.ReadAll("t"));
    }

    private static byte[] Own(int sequence, short epoch = 0, long id = 7) => Batches.Of([(null, "v")], 1, id, epoch, sequence);

    private static byte[] Changed(int at, int value)
    {
        var batch = Batches.One("some value");
        batch[at] = (byte)value;
        return batch;
    }

    private static byte[] WithCrc(byte[] batch)
    {
        RecordBatch.SetCrc(batch);
        return batch;
    }

    private static async Task<TestStore> OpenAsync(params (string Name, string Value)[] config)
    {
        TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("t", 1, config);
        return store;
    }
}
