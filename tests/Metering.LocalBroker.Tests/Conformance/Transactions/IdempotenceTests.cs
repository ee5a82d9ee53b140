using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Transactions;

public sealed class RealIdempotenceTests(RealFixture broker) : IdempotenceTests(broker);

public sealed class LocalIdempotenceTests(LocalFixture broker) : IdempotenceTests(broker);

/// <summary>Producer ids and sequences: what is sent again is there once.</summary>
public abstract class IdempotenceTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const short Produce = 0;

    // Loses each nth produce's answer, or cuts the request in two.
    private async Task<(string?[] Read, int Lost)> ProduceThroughLossesAsync(bool idempotent, bool cutRequests)
    {
        const int Records = 600;
        var topic = await Broker.CreateTopicAsync();
        var random = Seeded();
        await using var proxy = new TcpProxy(Broker.Port);
        var (asked, next) = (0, random.Next(2, 6));
        bool Lose(short api)
        {
            if (api != Produce || Interlocked.Increment(ref asked) != next)
                return false;
            next += random.Next(3, 9);
            return true;
        }

        if (cutRequests)
            proxy.CutsRequest = Lose;
        else
            proxy.LosesAnswer = Lose;
        using (var producer = Broker.Producer(config =>
            (config.BootstrapServers, config.EnableIdempotence, config.BatchNumMessages, config.ReconnectBackoffMs, config.ReconnectBackoffMaxMs) = (proxy.Endpoint, idempotent, 20, 10, 20)))
        {
            for (var i = 0; i < Records; i++)
            {
                producer.Produce(topic, Record(null, $"{i}"));
                // Several requests in flight, several batches in each stretch.
                if (i % 100 == 99)
                    producer.Flush(Patience);
            }
            producer.Flush(Patience);
        }
        return (Values(await Broker.ReadAsync(topic)), proxy.Lost);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Idempotent_producer_whose_answers_or_requests_are_lost_puts_each_record_in_once_and_in_order(bool cutRequests)
    {
        var (read, lost) = await ProduceThroughLossesAsync(idempotent: true, cutRequests);
        Assert.True(lost > 0, "nothing was lost: the test shows nothing");
        Assert.Equal(Enumerable.Range(0, 600).Select(i => $"{i}"), read);
    }

    [Fact]
    public async Task Plain_producer_whose_answers_are_lost_puts_records_in_again()
    {
        var (read, lost) = await ProduceThroughLossesAsync(idempotent: false, cutRequests: false);
        Assert.True(lost > 0, "nothing was lost: the test shows nothing");
        Assert.True(read.Length > 600, $"{read.Length} records of 600");
        Assert.Equal(600, read.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public async Task Batch_sent_again_answers_with_its_first_offset_and_a_gap_is_refused()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var (_, id, epoch) = await RawBatch.InitProducerAsync(connection);
        byte[] Batch(int sequence, short? atEpoch = null) => new RawBatch { ProducerId = id, Epoch = atEpoch ?? epoch, Sequence = sequence, Values = ["a", "b"] }.ToArray();
        for (var i = 0; i < 7; i++)
            Assert.Equal((0, 2 * i), await RawBatch.ProduceAsync(connection, topic, Batch(2 * i)));
        // The last five are known.
        for (var i = 2; i < 7; i++)
            Assert.Equal((0, 2 * i), await RawBatch.ProduceAsync(connection, topic, Batch(2 * i)));
        Assert.Equal(45, (await RawBatch.ProduceAsync(connection, topic, Batch(16))).Error);
        Assert.Equal((0, 14), await RawBatch.ProduceAsync(connection, topic, Batch(14)));
        // A later epoch begins at 0; then the earlier one is a zombie's.
        Assert.Equal(45, (await RawBatch.ProduceAsync(connection, topic, Batch(16, (short)(epoch + 1)))).Error);
        Assert.Equal((0, 16), await RawBatch.ProduceAsync(connection, topic, Batch(0, (short)(epoch + 1))));
        Assert.Equal(47, (await RawBatch.ProduceAsync(connection, topic, Batch(16))).Error);
        Assert.Equal(18, (await Broker.ReadAsync(topic)).Count);
    }

    [Fact]
    public async Task Old_batch_beyond_the_last_five_is_not_appended_again()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var (_, id, epoch) = await RawBatch.InitProducerAsync(connection);
        byte[] Batch(int sequence) => new RawBatch { ProducerId = id, Epoch = epoch, Sequence = sequence }.ToArray();
        for (var i = 0; i < 8; i++)
            await RawBatch.ProduceAsync(connection, topic, Batch(i));
        Assert.Contains((await RawBatch.ProduceAsync(connection, topic, Batch(1))).Error, (int[])[45, 46]);
        Assert.Equal(8, (await Broker.ReadAsync(topic)).Count);
    }

    [Fact]
    public async Task Sequence_goes_round_from_the_largest_number_to_zero()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var (_, id, epoch) = await RawBatch.InitProducerAsync(connection);
        // A producer that the partition does not know may begin anywhere.
        Assert.Equal((0, 0), await RawBatch.ProduceAsync(connection, topic, new RawBatch { ProducerId = id, Epoch = epoch, Sequence = int.MaxValue - 1, Values = ["a", "b", "c"] }.ToArray()));
        Assert.Equal((0, 3), await RawBatch.ProduceAsync(connection, topic, new RawBatch { ProducerId = id, Epoch = epoch, Sequence = 1 }.ToArray()));
    }

    [Fact]
    public async Task Init_producer_without_a_transaction_gives_each_an_id_of_its_own()
    {
        using var connection = await RawConnection.OpenAsync(Broker);
        var ids = new HashSet<long>();
        for (var i = 0; i < 20; i++)
        {
            var (error, id, epoch) = await RawBatch.InitProducerAsync(connection);
            Assert.Equal((0, 0), (error, epoch));
            Assert.True(ids.Add(id), $"id {id} was given twice");
        }
    }
}
