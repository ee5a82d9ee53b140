using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Records;

public sealed class RealWireTests(RealFixture broker) : WireTests(broker);

public sealed class LocalWireTests(LocalFixture broker) : WireTests(broker);

/// <summary>What no client library sends: wrong bytes, wrong versions, wrong checksums.</summary>
public abstract class WireTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const short ListOffsets = 2, OffsetForLeaderEpoch = 23, ApiVersions = 18;

    [Fact]
    public async Task Api_versions_name_every_call_that_clients_need()
    {
        using var connection = await RawConnection.OpenAsync(Broker);
        var answer = await connection.CallAsync(ApiVersions, 0, new RawWriter());
        Assert.Equal(0, answer.Int16());
        var calls = Versions(answer);
        // What the oldest of our clients (kafkajs 2) and the newest (Java 4) have in common with the broker.
        (short Api, short Version)[] needed =
        [
            (0, 7), (1, 11), (2, 2), (3, 6), (8, 5), (9, 5), (10, 2), (11, 5), (12, 3), (13, 3), (14, 3), (15, 4), (16, 3), (18, 3), (19, 4), (20, 3), (21, 1),
            (22, 1), (22, 4), (23, 3), (24, 1), (25, 1), (26, 1), (28, 2), (28, 3), (32, 2), (37, 1), (42, 1), (44, 1), (60, 0), (61, 0), (65, 0), (66, 0),
        ];
        foreach (var (api, version) in needed)
        {
            Assert.True(calls.TryGetValue(api, out var range), $"call {api} is missing");
            Assert.True(version >= range.Min && version <= range.Max, $"call {api} has versions {range.Min} to {range.Max}, a client needs {version}");
        }
    }

    private static Dictionary<short, (short Min, short Max)> Versions(RawReader answer)
    {
        var calls = new Dictionary<short, (short, short)>();
        for (var left = answer.Int32(); left > 0; left--)
            calls[answer.Int16()] = (answer.Int16(), answer.Int16());
        return calls;
    }

    [Fact]
    public async Task Api_versions_of_a_version_to_come_answer_by_error_35_in_the_oldest_form()
    {
        using var connection = await RawConnection.OpenAsync(Broker);
        var answer = await connection.CallAsync(ApiVersions, 120, new RawWriter().Raw([0, 1, 1, 0]));
        Assert.Equal(35, answer.Int16());
        Assert.True(Versions(answer).ContainsKey(ApiVersions));
        // And the connection goes on.
        Assert.Equal(0, (await connection.CallAsync(ApiVersions, 0, new RawWriter())).Int16());
    }

    [Theory]
    [InlineData("FFFFFFFF")] // a negative length
    [InlineData("7FFFFFFF")] // two gigabytes
    [InlineData("0000000412345678")] // no call has this number
    [InlineData("000000080000000900000001")] // produce of a version to come, cut short
    [InlineData("00000016001200000000000100035261770102030405060708090A0B")] // a call with a tail
    [InlineData("474554202F20485454502F312E310D0A486F73743A206B61666B610D0A0D0A")] // a browser
    [InlineData("160301020001000001FC0303")] // TLS
    public async Task Hostile_frame_harms_its_own_connection_alone(string hex)
    {
        using var other = await RawConnection.OpenAsync(Broker);
        using (var hostile = await RawConnection.OpenAsync(Broker))
        {
            await hostile.SendAsync(Convert.FromHexString(hex));
            hostile.CloseSending();
            // Closed, or answered and then closed: but never left hanging.
            while (await hostile.ReceiveAsync() is not null)
            {
            }
        }
        Assert.Equal(0, (await other.CallAsync(ApiVersions, 0, new RawWriter())).Int16());
    }

    [Fact]
    public async Task Noise_of_any_kind_harms_nobody_else()
    {
        var random = Seeded();
        using var other = await RawConnection.OpenAsync(Broker);
        for (var i = 0; i < 60; i++)
        {
            using var hostile = await RawConnection.OpenAsync(Broker);
            var body = new byte[random.Next(0, 300)];
            random.NextBytes(body);
            // A frame of the right length whose call exists, so that decoders see the noise.
            var frame = new RawWriter().Int32(body.Length + 13).Int16((short)random.Next(0, 70)).Int16((short)random.Next(0, 5)).Int32(i).String("raw").Raw(body);
            await hostile.SendAsync(frame.ToArray());
            hostile.CloseSending();
            while (await hostile.ReceiveAsync() is not null)
            {
            }
        }
        Assert.Equal(0, (await other.CallAsync(ApiVersions, 0, new RawWriter())).Int16());
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Producer();
        await producer.ProduceAsync(topic, Record(null, "still here"));
        Assert.Equal(["still here"], Values(await Broker.ReadAsync(topic)));
    }

    [Fact]
    public async Task Produce_with_a_wrong_checksum_is_refused_and_not_appended()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        Assert.Equal(2, (await RawBatch.ProduceAsync(connection, topic, new RawBatch { IsDamaged = true }.ToArray())).Error);
        Assert.Equal((0, 0), await RawBatch.ProduceAsync(connection, topic, new RawBatch().ToArray()));
        Assert.Equal(["value"], Values(await Broker.ReadAsync(topic)));
    }

    [Fact]
    public async Task Produce_with_acks_that_do_not_exist_is_refused()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        Assert.Equal(21, (await RawBatch.ProduceAsync(connection, topic, new RawBatch().ToArray(), acks: 2)).Error);
        Assert.Empty(await Broker.ReadAsync(topic));
    }

    [Fact]
    public async Task Produce_to_a_topic_that_does_not_exist_answers_3()
    {
        using var connection = await RawConnection.OpenAsync(Broker);
        Assert.Equal(3, (await RawBatch.ProduceAsync(connection, BrokerFixture.Unique("none"), new RawBatch().ToArray())).Error);
    }

    [Fact]
    public async Task Produce_of_a_transaction_that_was_not_begun_is_refused()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var id = BrokerFixture.Unique("txn");
        var (_, producer, epoch) = await RawBatch.InitProducerAsync(connection, id);
        var batch = new RawBatch { ProducerId = producer, Epoch = epoch, Sequence = 0, IsTransactional = true };
        Assert.Equal(48, (await RawBatch.ProduceAsync(connection, topic, batch.ToArray(), transactionalId: id)).Error);
        Assert.Empty(await Broker.ReadAsync(topic, isolation: IsolationLevel.ReadUncommitted));
    }

    [Fact]
    public async Task Calls_in_flight_are_answered_in_their_order()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var sent = new List<int>();
        for (var i = 0; i < 50; i++)
        {
            sent.Add(i % 3 == 0
                ? await connection.SendCallAsync(ApiVersions, 0, new RawWriter())
                : await connection.SendCallAsync(0, 7, new RawWriter().String(null).Int16(-1).Int32(10_000).Int32(1).String(topic).Int32(1).Int32(0).Bytes(new RawBatch { Values = [$"{i}"] }.ToArray())));
        }
        foreach (var correlation in sent)
            Assert.Equal(correlation, new RawReader((await connection.ReceiveAsync())!).Int32());
        Assert.Equal(Enumerable.Range(0, 50).Where(i => i % 3 != 0).Select(i => $"{i}"), Values(await Broker.ReadAsync(topic)));
    }

    [Fact]
    public async Task Leader_epoch_asked_for_ends_where_the_log_ends()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Producer();
        for (var i = 0; i < 5; i++)
            await producer.ProduceAsync(topic, Record(null, $"{i}"));
        using var connection = await RawConnection.OpenAsync(Broker);
        var epoch = await CurrentEpochAsync(connection, topic);
        Assert.Equal((0, 5), await EndOfEpochAsync(connection, topic, epoch, epoch));
        Assert.Equal((75, -1), await EndOfEpochAsync(connection, topic, epoch, epoch + 1));
        Assert.Equal((0, 5), await EndOfEpochAsync(connection, topic, epoch, -1));
    }

    // ListOffsets version 4 answers with the epoch.
    private static async Task<int> CurrentEpochAsync(RawConnection connection, string topic)
    {
        var answer = await connection.CallAsync(ListOffsets, 4, new RawWriter().Int32(-1).Int8(0).Int32(1).String(topic).Int32(1).Int32(0).Int32(-1).Int64(-1));
        answer.Int32();
        answer.Int32();
        Assert.Equal(topic, answer.String());
        answer.Int32();
        answer.Int32();
        Assert.Equal(0, answer.Int16());
        answer.Int64();
        Assert.Equal(5, answer.Int64());
        return answer.Int32();
    }

    private static async Task<(int Error, long EndOffset)> EndOfEpochAsync(RawConnection connection, string topic, int epoch, int current)
    {
        var answer = await connection.CallAsync(OffsetForLeaderEpoch, 3, new RawWriter().Int32(-2).Int32(1).String(topic).Int32(1).Int32(0).Int32(current).Int32(epoch));
        answer.Int32();
        answer.Int32();
        Assert.Equal(topic, answer.String());
        answer.Int32();
        var error = answer.Int16();
        answer.Int32();
        answer.Int32();
        return (error, answer.Int64());
    }
}
