using Metering.LocalBroker.Tests.Conformance.Kit;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

public sealed class RealPlatformaticKafkaTests(RealFixture broker) : PlatformaticKafkaTests(broker);

public sealed class LocalPlatformaticKafkaTests(LocalFixture broker) : PlatformaticKafkaTests(broker);

/// <summary>npm's @platformatic/kafka, which speaks only the flexible versions: the newest client of ours by its calls.</summary>
public abstract class PlatformaticKafkaTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const string Script = """
        import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
        const [broker, topic, groupId, transactionalId] = process.argv.slice(2);
        const bootstrapBrokers = [broker];
        const admin = new Admin({ clientId: 'admin', bootstrapBrokers });
        await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 });
        const producer = new Producer({ clientId: 'producer', bootstrapBrokers, serializers: stringSerializers, idempotent: true });
        const messages = (from) => Array.from({ length: 100 }, (_, i) => ({ topic, key: 'k' + i, value: String(from + i), headers: { h: 'x' } }));
        await producer.send({ messages: messages(0) });
        await producer.send({ messages: messages(100), compression: 'gzip' });
        await producer.close();
        const transactional = new Producer({ clientId: 'transactional', bootstrapBrokers, serializers: stringSerializers, idempotent: true, transactionalId });
        for (const [from, commits] of [[1000, false], [200, true]]) {
          const transaction = await transactional.beginTransaction();
          await transaction.send({ messages: messages(from) });
          await (commits ? transaction.commit() : transaction.abort());
        }
        await transactional.close();
        const read = async (clientId, most) => {
          const consumer = new Consumer({ groupId, clientId, bootstrapBrokers, deserializers: stringDeserializers, autocommit: false });
          const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', sessionTimeout: 10000, heartbeatInterval: 500 });
          let [count, sum, headers] = [0, 0, 0];
          for await (const message of stream) {
            sum += Number(message.value);
            headers += message.headers.get('h') === 'x' || message.headers.get('h')?.toString() === 'x' ? 1 : 0;
            await message.commit();
            if (++count === most) break;
          }
          await consumer.close(true);
          return [count, sum, headers];
        };
        const [first, second] = [await read('first', 120), await read('second', 180)];
        const groups = [...(await admin.listGroups()).keys()].includes(groupId);
        await admin.deleteGroups({ groups: [groupId] });
        await admin.deleteTopics({ topics: [topic] });
        await admin.close();
        console.log(JSON.stringify({ count: first[0] + second[0], sum: first[1] + second[1], headers: first[2] + second[2], groups }));
        """;

    [Fact]
    public async Task Platformatic_kafka_creates_writes_commits_reads_goes_on_where_it_was_and_deletes()
    {
        var said = await NpmClient.RunAsync(
            "@platformatic/kafka", "1.35.0", "conformance.mjs", Script, Broker.Brokers, BrokerFixture.Unique("js"), BrokerFixture.Unique("group"), BrokerFixture.Unique("txn"));
        Assert.Equal("""{"count":300,"sum":44850,"headers":300,"groups":true}""", said.Trim());
    }
}
