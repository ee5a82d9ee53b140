using Confluent.Kafka;
using Confluent.SchemaRegistry;
using Confluent.SchemaRegistry.Serdes;
using Metering.Events;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>A program with nothing of ours but the schema: Confluent's producer, serializer and registry client.</summary>
public sealed class ForeignClientTests(KafkaFixture kafka)
{
    private const int Numbered = 300;
    private const int Unnumbered = 100;

    [Fact]
    public async Task Events_of_Confluents_serializer_are_metered_and_unnumbered_copies_dropped_R5_R7()
    {
        await using var stand = new Stand(kafka.Brokers);
        await stand.ReadyUpAsync();
        using var registry = new CachedSchemaRegistryClient(new SchemaRegistryConfig { Url = stand.Registry });
        using var producer = new ProducerBuilder<string, TokenEvent>(new ProducerConfig { BootstrapServers = kafka.Brokers, Partitioner = Partitioner.Murmur2Random, LingerMs = 5 })
            .SetValueSerializer(new AvroSerializer<TokenEvent>(registry))
            .Build();
        var numbered = Enumerable.Range(1, Numbered).Select(i => Event("numbered", sequence: i)).ToList();
        var unnumbered = Enumerable.Range(1, Unnumbered).Select(i => Event("unnumbered", sequence: 0, request: i)).ToList();

        await Task.WhenAll(numbered.Concat(unnumbered).Concat(numbered).Concat(unnumbered)
            .Select(e => producer.ProduceAsync(stand.Prefix + "token-events", new Message<string, TokenEvent> { Key = e.Source, Value = e })));

        await Stand.UntilAsync(async () => (await stand.AddsUpAsync()).Last.GetProperty("received").GetInt64() == 2 * (Numbered + Unnumbered), TimeSpan.FromSeconds(20), "all have been looked at");
        var verify = await stand.AddsUpAsync();
        Assert.Equal(Numbered + Unnumbered, verify.Last.GetProperty("metered").GetInt64());
        Assert.Equal(Numbered + Unnumbered, verify.Last.GetProperty("duplicate").GetInt64());
        Assert.Equal(0, verify.Last.GetProperty("rejected").GetInt64());
        Assert.Equal(new Totals(Numbered, numbered.Sum(e => e.InputTokens), numbered.Sum(e => e.OutputTokens)), await stand.Ledger.TotalsAsync("numbered"));
        Assert.Equal(Unnumbered, await stand.Ledger.NumberAsync("SELECT uniqExact(request_id) FROM metering.token_events WHERE source = 'unnumbered'"));
        Assert.Equal(Unnumbered, await stand.Ledger.EventsAsync("unnumbered"));
    }

    private static TokenEvent Event(string source, long sequence, int request = 0) => new()
    {
        Source = source,
        Epoch = 7,
        Sequence = sequence,
        EventTimeMicros = DateTimeOffset.UnixEpoch.AddDays(20_000).ToUnixTimeMilliseconds() * 1000,
        RequestId = $"{source}-{sequence + request}",
        Attempt = 1,
        Tenant = "foreign",
        Model = "gpt-4o",
        InputTokens = 100 + sequence,
        OutputTokens = 10 + sequence,
    };
}
