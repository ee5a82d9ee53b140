using System.Text;
using Confluent.Kafka;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>
/// Tests that are written once and run against both brokers with the same expectations, which are Kafka's. Each class has
/// two heirs: <c>Real…</c> and <c>Local…</c>.
/// </summary>
public abstract class ConformanceTests(BrokerFixture broker) : IAsyncLifetime
{
    protected static TimeSpan Patience => BrokerFixture.Patience;

    protected BrokerFixture Broker { get; } = broker;

    public virtual async ValueTask InitializeAsync() => await Broker.StartAsync();

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    protected static string? Text(byte[]? bytes) => bytes is null ? null : Encoding.UTF8.GetString(bytes);

    protected static Message<byte[]?, byte[]?> Record(string? key, string? value) =>
        new() { Key = key is null ? null : Bytes(key), Value = value is null ? null : Bytes(value) };

    protected static string?[] Values(IEnumerable<ConsumeResult<byte[]?, byte[]?>> records) => [.. records.Select(record => Text(record.Message.Value))];

    /// <summary>A printed seed: the same number gives the same test again (METERING_TEST_SEED).</summary>
    protected static Random Seeded()
    {
        var seed = Environment.GetEnvironmentVariable("METERING_TEST_SEED") is { Length: > 0 } named
            ? int.Parse(named, System.Globalization.CultureInfo.InvariantCulture)
            : Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        return new Random(seed);
    }
}
