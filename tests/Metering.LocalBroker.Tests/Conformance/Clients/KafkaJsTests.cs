using Metering.LocalBroker.Tests.Conformance.Kit;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

public sealed class RealKafkaJsTests(RealFixture broker) : KafkaJsTests(broker);

public sealed class LocalKafkaJsTests(LocalFixture broker) : KafkaJsTests(broker);

/// <summary>npm's kafkajs, which speaks the oldest versions of all our clients.</summary>
public abstract class KafkaJsTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const string Script = """
        const { Kafka, logLevel, CompressionTypes } = require('kafkajs');
        const [broker, topic, group, id] = process.argv.slice(2);
        const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
        (async () => {
          const admin = kafka.admin();
          await admin.connect();
          await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
          const producer = kafka.producer({ idempotent: true });
          await producer.connect();
          await producer.send({ topic, compression: CompressionTypes.GZIP, messages: [{ key: 'a', value: '1', headers: { h: 'x' } }, { key: 'b', value: '2' }] });
          await producer.disconnect();
          const transactional = kafka.producer({ transactionalId: id, maxInFlightRequests: 1, idempotent: true });
          await transactional.connect();
          for (const [value, commits] of [['aborted', false], ['3', true]]) {
            const transaction = await transactional.transaction();
            await transaction.send({ topic, messages: [{ key: 'c', value }] });
            await (commits ? transaction.commit() : transaction.abort());
          }
          await transactional.disconnect();
          const consumer = kafka.consumer({ groupId: group, readUncommitted: false });
          await consumer.connect();
          await consumer.subscribe({ topic, fromBeginning: true });
          const seen = [];
          await new Promise((resolve) => consumer.run({ eachMessage: async ({ message }) => {
            seen.push(message.value.toString() + (message.headers.h ? message.headers.h.toString() : ''));
            if (seen.length === 3) resolve();
          } }));
          await consumer.disconnect();
          const offsets = await admin.fetchOffsets({ groupId: group, topics: [topic] });
          const committed = offsets[0].partitions.filter((p) => p.offset !== '-1').length;
          const groups = (await admin.listGroups()).groups.filter((g) => g.groupId === group).length;
          const ends = (await admin.fetchTopicOffsets(topic)).length;
          await admin.deleteGroups([group]);
          await admin.deleteTopics({ topics: [topic] });
          await admin.disconnect();
          console.log(JSON.stringify({ seen: seen.sort(), committed: committed > 0, groups, ends }));
        })().catch((error) => { console.error(error); process.exit(1); });
        """;

    [Fact]
    public async Task Kafkajs_creates_writes_commits_reads_and_deletes()
    {
        var said = await NpmClient.RunAsync(
            "kafkajs", "2.2.4", "conformance.js", Script, Broker.Brokers, BrokerFixture.Unique("js"), BrokerFixture.Unique("group"), BrokerFixture.Unique("txn"));
        Assert.Equal("""{"seen":["1x","2","3"],"committed":true,"groups":1,"ends":2}""", said.Trim());
    }
}
