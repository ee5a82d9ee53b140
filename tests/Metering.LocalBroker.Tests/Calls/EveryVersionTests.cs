using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Tests.Wire;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Calls;

/// <summary>Every version of every call against rooms that hold what the requests of Kafka's own classes name.</summary>
public sealed class EveryVersionTests
{
    [Fact]
    public async Task Every_version_with_topics_records_groups_and_transactions_answers_in_its_shape()
    {
        await using var broker = await Broker.OpenAsync();
        foreach (var call in CallTable.Calls)
        {
            for (var version = call.Min; version <= call.Max; version++)
            {
                await PrepareAsync(broker);
                foreach (var full in new[] { true, false })
                {
                    using var gone = new CancellationTokenSource(TimeSpan.FromSeconds(5));
                    byte[]? response;
                    try
                    {
                        response = await broker.Client(gone.Token).CallAsync(call.Key, version, KafkaMessages.Request(call.Key, version, full));
                    }
                    catch (OperationCanceledException)
                    {
                        Assert.Fail($"{call.Key} v{version} waits");
                        return;
                    }
                    if (response is null)
                        Assert.Equal(ApiKey.Produce, call.Key);
                    else
                        Walk(call.Key, version, full, response);
                }
            }
        }
    }

    private static void Walk(ApiKey key, short version, bool full, byte[] response)
    {
        try
        {
            Assert.Equal(0, new ShapeReader(response).Walk(KafkaMessages.ResponseShape(key, version)));
        }
        catch (Xunit.Sdk.XunitException wrong)
        {
            Assert.Fail($"{key} v{version} {(full ? "full" : "least")}: {wrong.Message} in {Convert.ToHexString(response)}");
        }
    }

    /// <summary>Whatever an earlier request has deleted is there again.</summary>
    private static async Task PrepareAsync(Broker broker)
    {
        for (var number = 1; number <= 24; number++)
        {
            var name = $"name-{number}";
            bool isNew;
            lock (broker.State.Gate)
            {
                isNew = broker.State.Topics.Find(name) is null;
                if (isNew)
                    broker.State.Topics.Create(name, 5, 1, [new("retention.ms", "60000000000")], validateOnly: false);
            }
            if (isNew)
                await broker.ProduceAsync(name, Broker.Batch("x"), partition: number % 5);
            broker.State.Transactions.InitProducerId(name, 60_000, -1, -1);
            broker.State.Groups.Commit(new CommitRequest(name, -1, "", null, [new OffsetToCommit(name, number % 5, 1, 0, "kept")]));
        }
    }
}
