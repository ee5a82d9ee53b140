using Confluent.Kafka;
using Metering.Pipeline.Sink;

namespace Metering.Pipeline.Tests.Sink;

/// <summary>The plan store of a group whose coordinator is away.</summary>
public sealed class KafkaPlanStoreTests
{
    [Fact]
    public async Task R17_A_commit_without_a_coordinator_is_tried_until_the_partition_is_given_up()
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = "127.0.0.1:1", GroupId = "nobody" })
            .SetLogHandler(static (_, _) => { }).SetErrorHandler(static (_, _) => { }).Build();
        var plans = new KafkaPlanStore(consumer, "metered-blocks", 0, TimeProvider.System);
        using var givenUp = new CancellationTokenSource();

        var commit = plans.CommitAsync(7, null, givenUp.Token);

        Assert.NotSame(commit, await Task.WhenAny(commit, Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken)));
        await givenUp.CancelAsync();
        // Not an error of Kafka: that would stop the partition until a person acts.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => commit);
    }
}
