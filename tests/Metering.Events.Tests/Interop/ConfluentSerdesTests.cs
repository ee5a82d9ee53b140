using Avro.Generic;
using Confluent.Kafka;
using Confluent.SchemaRegistry.Serdes;

namespace Metering.Events.Tests.Interop;

/// <summary>Operator tools and subscribers use Confluent's serdes on the generated types: the same on the wire as our codec.</summary>
public sealed class ConfluentSerdesTests
{
    private static readonly SerializationContext Context = new(MessageComponentType.Value, "token-events");

    private readonly MemoryRegistry _registry = new();

    [Fact]
    public async Task AvroSerializer_of_TokenEvent_writes_our_bytes_and_registers_the_schema_as_it_is()
    {
        var value = await new AvroSerializer<TokenEvent>(_registry.Client).SerializeAsync(Samples.TokenEvent(), Context);

        Assert.True(WireFormat.TryReadHeader(value, out var id, out var body));
        Assert.Equal(Convert.ToHexString(Samples.Encode(Samples.TokenEvent())), Convert.ToHexString(body));
        Assert.Equal("metering.events.TokenEvent", ((Avro.RecordSchema)Avro.Schema.Parse(_registry.Schema(id))).Fullname);
    }

    [Fact]
    public async Task AvroDeserializer_of_TokenEvent_reads_our_bytes()
    {
        var value = Framed(Samples.TokenEvent(), _registry.Add(TokenEvent.SchemaJson));

        var read = await new AvroDeserializer<TokenEvent>(_registry.Client).DeserializeAsync(value, isNull: false, Context);

        Assert.Equal(Convert.ToHexString(Samples.Encode(Samples.TokenEvent())), Convert.ToHexString(Samples.Encode(read)));
    }

    [Fact]
    public async Task AvroDeserializer_reads_records_in_arrays()
    {
        var price = await new AvroDeserializer<Price>(_registry.Client).DeserializeAsync(
            Framed(Samples.Price(), _registry.Add(Price.SchemaJson)), isNull: false, Context);
        var letter = await new AvroDeserializer<DeadLetter>(_registry.Client).DeserializeAsync(
            Framed(Samples.DeadLetter(), _registry.Add(DeadLetter.SchemaJson)), isNull: false, Context);

        Assert.Equal(Convert.ToHexString(Samples.Encode(Samples.Price())), Convert.ToHexString(Samples.Encode(price)));
        Assert.Equal(Convert.ToHexString(Samples.Encode(Samples.DeadLetter())), Convert.ToHexString(Samples.Encode(letter)));
    }

    [Fact]
    public async Task GenericRecord_goes_through_Confluents_serdes_both_ways()
    {
        var value = Framed(Samples.TokenEvent(), _registry.Add(TokenEvent.SchemaJson));

        var generic = await new AvroDeserializer<GenericRecord>(_registry.Client).DeserializeAsync(value, isNull: false, Context);
        var again = await new AvroSerializer<GenericRecord>(_registry.Client).SerializeAsync(generic, Context);

        Assert.Equal("acme", generic["tenant"]);
        Assert.Equal(Convert.ToHexString(value.AsSpan(WireFormat.HeaderBytes)), Convert.ToHexString(again.AsSpan(WireFormat.HeaderBytes)));
    }

    private static byte[] Framed<T>(T record, int schemaId)
        where T : IAvroRecord
    {
        using var buffer = new PooledBuffer();
        WireFormat.Write(buffer, schemaId, record);
        return buffer.WrittenSpan.ToArray();
    }
}
